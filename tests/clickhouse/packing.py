# SPDX-License-Identifier: ISC
"""Bodies, compressed and not, as the server's Content-Encoding has them: gzip and zstd."""
import ctypes
import gzip
import zlib

LEVEL = b'3'                 # the server's http_zlib_compression_level, of zstd too
CONTINUE, FLUSH, END = 0, 1, 2


class Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer"""
    _fields_ = [('p', ctypes.c_void_p), ('size', ctypes.c_size_t), ('pos', ctypes.c_size_t)]


def library():
    zstd = ctypes.CDLL('libzstd.so.1')
    for name in ('ZSTD_decompressStream', 'ZSTD_compressStream2', 'ZSTD_CCtx_setParameter'):
        getattr(zstd, name).restype = ctypes.c_size_t
    zstd.ZSTD_createCCtx.restype = zstd.ZSTD_createDCtx.restype = ctypes.c_void_p
    return zstd


class Zstd:
    """one frame, a piece at a time; with `frames` each piece is one"""
    def __init__(self, frames, level):
        self.lib = library()
        self.at = ctypes.c_void_p(self.lib.ZSTD_createCCtx())
        self.lib.ZSTD_CCtx_setParameter(self.at, 100, level)
        self.frames = frames

    def pack(self, b):
        return self.run(b, END if self.frames else CONTINUE)

    def finish(self):
        return b'' if self.frames else self.run(b'', END)

    def run(self, b, how):
        source = Buffer(ctypes.cast(ctypes.c_char_p(b), ctypes.c_void_p), len(b), 0)
        room = ctypes.create_string_buffer(1 << 17)
        out = b''
        while True:
            to = Buffer(ctypes.cast(room, ctypes.c_void_p), len(room), 0)
            left = self.lib.ZSTD_compressStream2(self.at, ctypes.byref(to), ctypes.byref(source), how)
            out += room.raw[:to.pos]
            if source.pos == source.size and (left == 0 if how == END else to.pos < to.size):
                return out

    def __del__(self):
        self.lib.ZSTD_freeCCtx(self.at)


class Gzip:
    """the same, of members"""
    def __init__(self, frames, level):
        self.frames, self.level = frames, level
        self.z = None

    def pack(self, b):
        z = self.z = self.z or zlib.compressobj(self.level, zlib.DEFLATED, 31)
        out = z.compress(b)
        if self.frames:
            out += z.flush()
            self.z = None
        return out

    def finish(self):
        return self.z.flush() if self.z else b''


class Plain:
    def pack(self, b):
        return b

    def finish(self):
        return b''


# The best first.
PACKERS = {'zstd': Zstd, 'gzip': Gzip}


def choose(accepted, known):
    """the encoding of an answer, '' for none"""
    words = [w.partition(';')[0].strip() for w in accepted.lower().split(',')]
    return next((name for name in PACKERS if name in words and known in ('all', name)), '')


def packer(name, frames, level):
    return PACKERS[name](frames, int(level)) if name else Plain()


def unzstd(body):
    """of as many frames as there are"""
    zstd = library()
    at, room, out, n = ctypes.c_void_p(zstd.ZSTD_createDCtx()), ctypes.create_string_buffer(1 << 17), b'', 0
    source = Buffer(ctypes.cast(ctypes.c_char_p(body), ctypes.c_void_p), len(body), 0)
    while source.pos < source.size or to.pos == to.size:
        to = Buffer(ctypes.cast(room, ctypes.c_void_p), len(room), 0)
        n = zstd.ZSTD_decompressStream(at, ctypes.byref(to), ctypes.byref(source))
        if zstd.ZSTD_isError(ctypes.c_size_t(n)):
            break
        out += room.raw[:to.pos]
    zstd.ZSTD_freeDCtx(at)
    return out if n == 0 else None


def unpacked(body, encoding):
    """None: it is no such stream"""
    if encoding == b'gzip':
        return gzip.decompress(body)
    return unzstd(body) if encoding == b'zstd' else body
