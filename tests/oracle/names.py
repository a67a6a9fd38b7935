# SPDX-License-Identifier: ISC
"""How items are written in a path: decoding and encoding of segments and lists.

Everything is bytes here. `Bad` is what a path is refused with; its code is an errno's name.
"""


class Bad(Exception):
    """A path is refused: code is ENOENT, EINVAL, E2BIG or ENAMETOOLONG."""

    def __init__(self, code, why):
        super().__init__("%s: %s" % (code, why))
        self.code = code
        self.why = why


HEX = b"0123456789abcdefABCDEF"


def decode(item):
    """One item of a list, or a segment that is no list, decoded once."""
    if item == b"%":
        return b""
    if item.startswith(b"%~"):
        digits = item[2:]
        if len(digits) == 32 and all(c in HEX for c in digits):
            raise Bad("ENOENT", "no long value has that name")
        raise Bad("EINVAL", "% without two hex digits")
    out = bytearray()
    i = 0
    while i < len(item):
        if item[i] != 0x25:
            out.append(item[i])
            i += 1
            continue
        two = item[i + 1:i + 3]
        if len(two) < 2 or two[0] not in HEX or two[1] not in HEX:
            raise Bad("EINVAL", "% without two hex digits")
        out.append(int(two, 16))
        i += 3
    return bytes(out)


def split(segment):
    """The raw items of a list; commas split before anything is decoded."""
    items = segment.split(b",")
    if any(not i for i in items):
        raise Bad("EINVAL", "an empty item in a list")
    if len(items) > 1000:
        raise Bad("E2BIG", "more than 1000 items")
    return items


def decode_list(segment):
    return [decode(i) for i in split(segment)]


# Marks that change the direction of text, or have no width.
BIDI = {0x061C, 0x200E, 0x200F} | set(range(0x202A, 0x202F)) | set(range(0x2066, 0x206A))
WIDTHLESS = {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF}


def utf8_parts(data):
    """Yields (bytes, code point or None): ill-formed bytes come one by one with None."""
    i = 0
    while i < len(data):
        for n in (1, 2, 3, 4):
            try:
                yield data[i:i + n], ord(data[i:i + n].decode("utf-8"))
                i += n
                break
            except (UnicodeDecodeError, TypeError):
                continue
        else:
            yield data[i:i + 1], None
            i += 1


def encode(data, keep=b""):
    """The item that decodes to data. Characters of keep stay as they are."""
    if not data:
        return b"%"
    out = bytearray()
    for i, (part, code) in enumerate(utf8_parts(data)):
        hide = code is None or code < 0x20 or 0x7F <= code < 0xA0 or \
            code in BIDI or code in WIDTHLESS or \
            (part in (b"/", b"%", b",", b":") and part not in keep) or \
            (i == 0 and part in (b".", b"-"))
        out += b"".join(b"%%%02X" % c for c in part) if hide else part
    return bytes(out)


def encode_list(items):
    return b",".join(encode(i) for i in items)
