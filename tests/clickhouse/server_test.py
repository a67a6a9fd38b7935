# SPDX-License-Identifier: ISC
"""Is server.py like the server that it stands for? One line for each thing: ok or not ok."""
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import packing

HERE = os.path.dirname(os.path.abspath(__file__))
ENDLESS = "SELECT count() FROM system.numbers WHERE NOT ignore(sipHash64(number), '%s')"
# Its first rows are out before it fails.
FAILING = 'SELECT number, throwIf(number = 150000) FROM numbers(2000000) SETTINGS max_threads = 1, max_block_size = 1000'
port = 0
asked = []


def url(**args):
    return '/?' + urllib.parse.urlencode(args)


def ask(sql=None, method='POST', headers={}, path=None, **args):
    """(status, headers, body); the body of one that breaks off is followed by '<cut>'"""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    try:
        c.request(method, path or url(**args), body=sql, headers=headers)
        r = c.getresponse()
        try:
            body = r.read()
        except http.client.IncompleteRead as e:
            body = e.partial + b'<cut>'
        return r.status, r.headers, body
    finally:
        c.close()


def in_background(sql, **args):
    box = []
    t = threading.Thread(target=lambda: box.append(ask(sql, **args)), daemon=True)
    t.start()
    return t, box


def running(mark):
    asked.append(mark)
    status, _, body = ask("SELECT count() FROM system.processes WHERE position(query, {m:String}) > 0 "
                          "AND NOT startsWith(query_id, 'me-')", query_id='me-%d' % len(asked), param_m=mark)
    assert status == 200, body
    return body != b'0\n'


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def has_code(answer, status, code):
    s, h, body = answer
    return s == status and h['X-ClickHouse-Exception-Code'] == str(code) and \
        body.startswith(b'Code: %d. DB::Exception: ' % code)


def test_ping():
    return ask(method='GET')[2] == b'Ok.\n'


def test_query_in_url_body_and_both():
    return [ask('SELECT 1')[2], ask(query='SELECT 2')[2], ask('SELECT 3', method='GET')[2],
            ask('+ 1', query='SELECT 3')[2]] == [b'1\n', b'2\n', b'3\n', b'4\n']


def test_parameters_are_unescaped():
    r = ask('SELECT length({s:String}), {n:UInt64}, {a:Array(String)}[2], {x:Nullable(String)} IS NULL',
            param_s='\\t\\\\\\0x', param_n='18446744073709551615', param_a="['a','b\\'c']", param_x='\\N')
    return r[2] == b"4\t18446744073709551615\tb\\'c\t1\n" or r


def test_identifiers_as_parameters():
    return ask('SELECT {c:Identifier} FROM numbers(3) LIMIT 1 OFFSET 2', param_c='number')[2] == b'2\n'


def test_settings_reach_the_engine():
    return ask("SELECT getSetting('max_threads')", max_threads='3')[2] == b'3\n' and \
        ask("SELECT getSetting('max_threads') = 3")[2] == b'0\n'


def test_unknown_settings_fail():
    return has_code(ask('SELECT 1', no_such_thing='1'), 404, 115)


def test_get_may_not_write():
    return has_code(ask(method='GET', query='CREATE TABLE w (a UInt8) ENGINE = Memory'), 500, 164)


def test_readonly_holds():
    return has_code(ask('SELECT 1 SETTINGS readonly = 0', readonly='2'), 500, 164)


def test_statuses_by_exception():
    return has_code(ask('SELEC 1'), 400, 62) and has_code(ask('SELECT nope'), 404, 47) and \
        has_code(ask('SELECT 1 FROM nope'), 404, 60) and has_code(ask('SELECT 1', database='nope'), 404, 81) and \
        has_code(ask('SELECT {x:UInt8}', param_x='many'), 400, 457) and \
        has_code(ask('SELECT {x:UInt8}'), 400, 456)


def test_times_out():
    return has_code(ask(ENDLESS % 'timed', max_execution_time='0.2'), 408, 159)


def test_limits():
    return has_code(ask('SELECT count() FROM numbers(1000000)', max_rows_to_read='10'), 500, 158) and \
        has_code(ask('SELECT groupArray(number) FROM numbers(10000000)', max_memory_usage='1000000'), 500, 241)


def test_users():
    no = ask('SELECT 1', headers={'X-ClickHouse-User': 'u', 'X-ClickHouse-Key': 'wrong'})
    yes = ask('SELECT 1', headers={'X-ClickHouse-User': 'u', 'X-ClickHouse-Key': 'secret'})
    return has_code(no, 403, 516) and yes[2] == b'1\n' and has_code(ask('SELECT 1', user='nobody'), 403, 516) and \
        ask('SELECT 1', user='u', password='secret')[2] == b'1\n'


def test_a_readonly_user_may_not_set():
    u = {'X-ClickHouse-User': 'ro', 'X-ClickHouse-Key': 'pw'}
    return has_code(ask('SELECT 1', headers=u, max_threads='1'), 500, 164) and ask('SELECT 1', headers=u)[2] == b'1\n'


def test_formats():
    return ask('SELECT 1 AS a', default_format='JSONEachRow')[2] == b'{"a":1}\n' and \
        ask('SELECT 1 AS a FORMAT RowBinary', default_format='CSV')[2] == b'\1' and \
        ask('SELECT 1 AS a WHERE 0', default_format='RowBinaryWithNamesAndTypes')[2] == b'\1\1a\5UInt8'


def test_a_long_result_has_one_header():
    b = ask('SELECT number AS a FROM numbers(300000)', default_format='RowBinaryWithNamesAndTypes')[2]
    return len(b) == 1 + 2 + 7 + 8 * 300000 and b[-8:] == (299999).to_bytes(8, 'little')


def test_summary():
    h = ask('SELECT sum(number) FROM numbers(1000)', wait_end_of_query='1')[1]
    return '"read_rows":"1000"' in h['X-ClickHouse-Summary'] and h['X-ClickHouse-Format'] == 'TabSeparated'


def test_query_ids():
    t, box = in_background(ENDLESS % 'ids', query_id='first')
    if not wait_for(lambda: running("'ids'")):
        return 'does not run'
    second = ask('SELECT 1', query_id='first')
    ask("KILL QUERY WHERE query_id = {id:String}", param_id='first')
    t.join(5)
    return has_code(second, 500, 216) and has_code(box[0], 500, 394) and \
        box[0][1]['X-ClickHouse-Query-Id'] == 'first'


def test_kill_leaves_others():
    a, box_a = in_background(ENDLESS % 'a', query_id='a')
    b, box_b = in_background(ENDLESS % 'b', query_id='b', max_execution_time='1.5')
    if not wait_for(lambda: running("'a'") and running("'b'")):
        return 'do not run'
    ask("KILL QUERY WHERE query_id = 'a'", readonly='2')
    a.join(5)
    alive = running("'b'")
    b.join(5)
    return alive and has_code(box_a[0], 500, 394) and has_code(box_b[0], 408, 159)


def leave(mark, **settings):
    s = socket.create_connection(('127.0.0.1', port))
    q = url(query=ENDLESS % mark, query_id=mark, max_execution_time='3', **settings)
    s.sendall(b'POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' % q.encode())
    ran = wait_for(lambda: running("'%s'" % mark))
    s.close()
    return ran and wait_for(lambda: not running("'%s'" % mark), 1)


def test_a_closed_socket_stops_a_readonly_query():
    return leave('stops', cancel_http_readonly_queries_on_client_close='1', readonly='2')


def test_a_closed_socket_does_not_stop_others():
    return not leave('stays', cancel_http_readonly_queries_on_client_close='1') and not leave('stays2', readonly='2')


def test_exceptions_behind_rows():
    status, h, body = ask(FAILING)
    tag = h['X-ClickHouse-Exception-Tag'].encode()
    head, _, rest = body.partition(b'\r\n__exception__\r\n' + tag + b'\r\n')
    message = rest[:rest.index(b'\n') + 1]
    return status == 200 and head.startswith(b'0\t0\n') and message.startswith(b'Code: 395. ') and \
        rest == message + b'%d ' % len(message) + tag + b'\r\n__exception__\r\n'


def exceptions(how):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    c.request('GET', '/test/exceptions/' + how)
    c.getresponse().read()
    c.close()


def test_exceptions_of_older_servers():
    try:
        exceptions('marked')
        marked = ask(FAILING)
        exceptions('appended')
        appended = ask(FAILING)
    finally:
        exceptions('tagged')
    return b'\r\n__exception__\r\nCode: 395. ' in marked[2] and marked[2].endswith(b'\n__exception__\r\n') and \
        'X-ClickHouse-Exception-Tag' not in marked[1] and b'\nCode: 395. ' in appended[2] and \
        appended[2].endswith(b'<cut>')


def test_waiting_for_the_end_gives_the_status():
    return has_code(ask(FAILING, wait_end_of_query='1'), 500, 395)


def test_inserts_from_the_body():
    ask('CREATE TABLE i (a String, n UInt8) ENGINE = MergeTree ORDER BY n')
    rows = b'\2ab\1\3abc\2' * 1000
    r = ask(rows, query='INSERT INTO i FORMAT RowBinary')
    return r[0] == 200 and ask('SELECT a, count(), sum(n) FROM i GROUP BY a ORDER BY a')[2] == \
        b'ab\t1000\t1000\nabc\t1000\t2000\n'


def test_databases():
    ask('CREATE DATABASE other')
    return ask('SELECT currentDatabase()', database='other')[2] == b'other\n' and \
        ask('SELECT currentDatabase()', headers={'X-ClickHouse-Database': 'other'})[2] == b'other\n' and \
        ask('SELECT currentDatabase()')[2] == b'default\n'


def test_answers_are_compressed_where_both_say_so():
    sql = 'SELECT number FROM numbers(300000)'
    plain = ask(sql)[2]
    for frames in '01':
        ask(path='/test/frames/' + frames)
        for accept, encoding in (('zstd, gzip', 'zstd'), ('gzip', 'gzip'), ('br', None)):
            _, headers, body = ask(sql, headers={'Accept-Encoding': accept}, enable_http_compression=1)
            if headers['Content-Encoding'] != encoding or (packing.unpacked(body, encoding.encode()) if encoding else body) != plain:
                return '%s: %s' % (accept, headers)
    ask(path='/test/frames/0')
    return ask(sql, headers={'Accept-Encoding': 'zstd'})[1]['Content-Encoding'] is None


def test_exceptions_are_compressed_too():
    for accept in 'zstd', 'gzip':
        _, headers, body = ask(FAILING, headers={'Accept-Encoding': accept}, enable_http_compression=1)
        tag = headers['X-ClickHouse-Exception-Tag'].encode()
        if b'__exception__\r\n' + tag not in packing.unpacked(body, accept.encode())[-17000:]:
            return accept
        status, headers, body = ask('SELECT throwIf(1)', headers={'Accept-Encoding': accept}, enable_http_compression=1)
        if status == 200 or not packing.unpacked(body, headers['Content-Encoding'].encode()).startswith(b'Code: 395'):
            return accept
    return True


def main():
    global port
    bad = 0
    with tempfile.TemporaryDirectory() as d:
        p = subprocess.Popen([sys.executable, os.path.join(HERE, 'server.py'), os.environ['SPANFS_CHDB'],
                              os.path.join(d, 'db'), '--user', 'u:secret', '--user', 'ro:pw:readonly=1',
                              '--seconds', '90'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            port = int(p.stdout.readline())
            for name, f in list(globals().items()):
                if name.startswith('test_'):
                    try:
                        r = f()
                    except Exception as e:
                        r = repr(e)
                    print('ok' if r is True else 'not ok', name[5:], '' if r is True else r, flush=True)
                    bad += r is not True
            p.stdin.close()
            p.wait(10)
            print('ok ends with its input')
        finally:
            p.kill()
            p.wait()
    return bad != 0


sys.exit(main())
