# SPDX-License-Identifier: ISC
"""The same spans less what a ClickHouse table doesn't keep (spanfs(1), CLICKHOUSE), as OTLP JSON.

    there_lost.py FILE... | spanctl -s DIR import -

Written from the manual's words and not from the code that reads a table: a store of these spans must
give what the table gives, byte for byte; what it doesn't explain is a fault. Nothing here knows of JSON
columns or of rows that are no spans.
"""
import json
import math
import sys

sys.dont_write_bytecode = True


def shown(text):
    """the value of a text that is spelled as files show an integer, a double or a boolean; or None"""
    if text in ('true', 'false'):
        return {'boolValue': text == 'true'}
    try:
        number = json.loads(text)
    except ValueError:
        return None
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    if isinstance(number, int):
        return {'intValue': text} if str(number) == text and -2 ** 63 <= number < 2 ** 63 else None
    return {'doubleValue': number} if math.isfinite(number) and repr(number) == text else None


def plain(value):
    """an array's or a map's value, as files show it"""
    (kind, v), = value.items()
    if kind == 'arrayValue':
        return [plain(x) for x in v.get('values', [])]
    if kind == 'kvlistValue':
        return {kv['key']: plain(kv['value']) for kv in v.get('values', [])}
    return int(v) if kind == 'intValue' else v


def lose(value):
    if not value:
        return {'stringValue': ''}
    (kind, v), = value.items()
    if kind == 'stringValue':
        return shown(v) or value
    if kind in ('arrayValue', 'kvlistValue'):
        return {'stringValue': json.dumps(plain(value), separators=(',', ':'), ensure_ascii=False)}
    if kind == 'bytesValue':
        return shown(v) or {'stringValue': v}
    return value


def lose_of(holder):
    holder.pop('droppedAttributesCount', None)
    seen, kept = set(), []
    for a in holder.get('attributes', []):
        if a['key'] not in seen:
            seen.add(a['key'])
            kept.append({'key': a['key'], 'value': lose(a['value'])})
    if kept:
        holder['attributes'] = kept


def lose_span(s):
    lose_of(s)
    for name in ('flags', 'droppedEventsCount', 'droppedLinksCount'):
        s.pop(name, None)
    for x in s.get('events', []) + s.get('links', []):
        lose_of(x)
        x.pop('flags', None)


def main():
    for name in sys.argv[1:]:
        with open(name, encoding='utf-8') as f:
            for line in f:
                whole = json.loads(line)
                for r in whole['resourceSpans']:
                    r.pop('schemaUrl', None)
                    lose_of(r.get('resource', {}))
                    for c in r['scopeSpans']:
                        c.pop('schemaUrl', None)
                        c.get('scope', {}).pop('attributes', None)
                        for s in c['spans']:
                            lose_span(s)
                print(json.dumps(whole, separators=(',', ':'), ensure_ascii=False))


if __name__ == '__main__':
    main()
