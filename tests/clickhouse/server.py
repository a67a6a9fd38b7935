# SPDX-License-Identifier: ISC
"""ClickHouse's HTTP interface over libchdb, for tests.

    server.py LIBCHDB DIR [--user NAME:PASSWORD[:SETTING=VALUE]...]... [--tls CERT KEY]
              [--seconds N] [--log FILE]

Listens on 127.0.0.1 and prints the port. Ends when its standard input does, and after N seconds.
FILE gets a line of JSON for each query: its text as sent, parameters and settings, user and code.
A user's setting deny=TEXT is none of the engine's: what has TEXT in it is denied to that user.

What is like the server: /ping; GET (readonly=2 forced) and POST; the query in URL or body or both;
param_x in TSV's escaping; every other parameter is a setting, of which unknown ones fail; database,
default_format, query_id, X-ClickHouse-User, -Key, -Database, -Format and Basic authentication (401
without a password where one is needed, 403 with a wrong one); the statuses by exception; exceptions
before output, and behind rows as 25.11 and later write them; wait_end_of_query; the headers
X-ClickHouse-Query-Id, -Format, -Timezone, -Server-Display-Name, -Summary, -Exception-Code,
-Exception-Tag; doubled query ids; cancel_http_readonly_queries_on_client_close; KILL QUERY;
INSERT ... FORMAT with data in the body; Content-Encoding gzip and zstd of a body, and by
enable_http_compression=1 and Accept-Encoding of an answer: an exception is in the same stream.

/test/inserts/WORD,WORD... tells what becomes of the next requests with an INSERT, one word each: `ok`;
`refuse`: 500 without doing it; `busy`: 503 alike; `reset`: the connection breaks without doing it;
`lose`: it breaks when all is done; `hold`: done, and no answer for a minute; `slow`: done two seconds
later, whoever waits. /test/gone/1: all connections break, until /test/gone/0.
/test/exceptions/{tagged,marked,appended} tells how later queries write an exception behind rows:
as 25.11, as 24.11, or as before that: the text behind the rows, and no end of the body.

/test/frames/1: each piece of a compressed answer is a frame, or member, of its own, until /test/frames/0.
/test/known/WORD: of encodings only WORD is known, `all`: all.

What is not there: sessions, roles, multipart bodies, progress in headers. The query
ids of system.processes are the engine's own; `query_id` in a statement over it, and in KILL QUERY,
is made to mean the client's (kept in log_comment).
"""
import base64
import json
import os
import re
import secrets
import select
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

import packing
from engine import Engine, EngineError

MAX_URL = 1 << 20
NOT_SETTINGS = {'query', 'database', 'default_format', 'query_id', 'user', 'password', 'wait_end_of_query',
                'log_comment'}
STATUS = {}
for status, names in {
        400: '''SYNTAX_ERROR BAD_ARGUMENTS CANNOT_PARSE_TEXT CANNOT_PARSE_NUMBER CANNOT_PARSE_DATE
            CANNOT_PARSE_DATETIME CANNOT_PARSE_UUID CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_ESCAPE_SEQUENCE
            CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_BOOL BAD_QUERY_PARAMETER
            UNKNOWN_QUERY_PARAMETER TYPE_MISMATCH ILLEGAL_COLUMN ILLEGAL_TYPE_OF_ARGUMENT
            CANNOT_COMPILE_REGEXP DUPLICATE_COLUMN NUMBER_OF_ARGUMENTS_DOESNT_MATCH
            NOT_FOUND_COLUMN_IN_BLOCK THERE_IS_NO_COLUMN''',
        401: 'REQUIRED_PASSWORD',
        403: 'UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED ACCESS_DENIED SET_NON_GRANTED_ROLE',
        404: '''UNKNOWN_TABLE UNKNOWN_DATABASE UNKNOWN_IDENTIFIER UNKNOWN_FUNCTION UNKNOWN_TYPE
            UNKNOWN_SETTING UNKNOWN_FORMAT UNKNOWN_STORAGE UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_ROLE''',
        408: 'TIMEOUT_EXCEEDED', 413: 'QUERY_IS_TOO_LARGE',
        501: 'UNSUPPORTED_METHOD NOT_IMPLEMENTED', 503: 'SOCKET_TIMEOUT CANNOT_SCHEDULE_TASK'}.items():
    STATUS.update({n: status for n in names.split()})
REASON = {200: 'OK', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
          408: 'Request Timeout', 413: 'Request Entity Too Large', 414: 'Request-URI Too Long',
          500: 'Internal Server Error', 501: 'Not Implemented', 503: 'Service Unavailable'}
OWN_ID = b"splitByChar('\\t', Settings['log_comment'])[1]"


class State:
    """of the whole server"""
    def __init__(self, engine, users, log):
        self.engine, self.users, self.log = engine, users, log
        self.exceptions = 'tagged'
        self.inserts = []
        self.gone = False
        self.frames = False
        self.known = 'all'
        self.running = set()
        self.lock = threading.Lock()
        self.version = engine.keep.whole(b'SELECT version()').strip()


class Closed(Exception):
    """the peer has gone"""


class Request:
    """one request, read"""
    def __init__(self, f, sock):
        line = f.readline(MAX_URL + 64)
        if not line:
            raise Closed
        parts = line.split()
        if len(parts) != 3:
            raise Closed
        self.method, self.url = parts[0].decode(), parts[1]
        self.headers = {}
        while True:
            line = f.readline(65536)
            if not line:
                raise Closed
            if line in (b'\r\n', b'\n'):
                break
            k, _, v = line.partition(b':')
            self.headers[k.strip().lower().decode()] = v.strip()
        if self.headers.get('expect', b'').lower() == b'100-continue':
            sock.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        self.body = packing.unpacked(self.read_body(f), self.headers.get('content-encoding', b''))
        if self.body is None:
            raise Closed
        path, _, self.search = self.url.partition(b'?')
        self.path = path.decode('latin-1')
        # A parameter that is empty is one, too.
        self.args = [tuple(urllib.parse.unquote_to_bytes(x.replace(b'+', b' ')) for x in
                           (p.partition(b'=')[0], p.partition(b'=')[2]))
                     for p in self.search.split(b'&') if p]

    def read_body(self, f):
        if self.headers.get('transfer-encoding', b'').lower() == b'chunked':
            body = b''
            while True:
                n = int(f.readline(64).split(b';')[0] or b'0', 16)
                body += f.read(n)
                f.readline(8)
                if n == 0:
                    return body
        return f.read(int(self.headers.get('content-length', b'0')))

    def arg(self, name, header=None, default=b''):
        for k, v in self.args:
            if k.decode('latin-1') == name:
                return v
        return self.headers.get(header, default) if header else default


class Answer:
    """writes one response"""
    def __init__(self, sock):
        self.sock = sock
        self.begun = False
        self.keep = True
        self.hold = False

    def drop(self):
        """the peer sees a reset"""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise Closed

    def head(self, status, headers):
        lines = ['HTTP/1.1 %d %s' % (status, REASON[status])]
        lines += ['%s: %s' % kv for kv in headers]
        if self.hold:
            return
        self.sock.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1'))
        self.begun = True

    def whole(self, status, headers, body):
        self.head(status, headers + [('Content-Length', len(body))])
        self.sock.sendall(body)

    def chunk(self, b):
        if b and not self.hold:
            self.sock.sendall(b'%x\r\n' % len(b) + b + b'\r\n')

    def end(self):
        if not self.hold:
            self.sock.sendall(b'0\r\n\r\n')


def fail(code, name, words):
    return EngineError(b'Code: %d. DB::Exception: %s. (%s)' % (code, words.encode(), name.encode()))


class Query:
    def __init__(self, state, request, answer):
        self.state, self.request, self.answer = state, request, answer
        self.id = request.arg('query_id').decode('latin-1') or secrets.token_hex(16)
        self.figures = {}
        self.begin = time.monotonic()
        self.session = None
        self.denied = []
        self.encoding = ''
        self.done = threading.Event()

    def authenticate(self):
        """the user's settings"""
        r = self.request
        name, password = r.arg('user', 'x-clickhouse-user'), r.arg('password', 'x-clickhouse-key')
        auth = r.headers.get('authorization', b'')
        if auth.lower().startswith(b'basic '):
            name, _, password = base64.b64decode(auth[6:]).partition(b':')
        given = bool(name or password or auth)
        self.user = (name or b'default').decode('latin-1')
        want = self.state.users.get(self.user)
        if want is not None and secrets.compare_digest(want[0], password):
            return want[1]
        if not given and want is not None:
            raise fail(194, 'REQUIRED_PASSWORD', self.user + ': Authentication failed: password is required')
        raise fail(516, 'AUTHENTICATION_FAILED', self.user + ': Authentication failed: password is incorrect, '
                   'or there is no user with such name')

    def text(self):
        r = self.request
        sql = r.arg('query')
        return sql + b'\n' + r.body if sql and r.body else sql or r.body

    def prepare(self, user_settings):
        """a session as the request wants it"""
        r = self.request
        self.session = s = self.state.engine.session()
        self.denied = [v for k, v in user_settings if k == b'deny']
        self.set([x for x in user_settings if x[0] != b'deny'])
        params, settings = {}, []
        for k, v in r.args:
            if k.startswith(b'param_'):
                params[k[6:]] = v
            elif k.decode('latin-1') not in NOT_SETTINGS:
                settings.append((k, v))
        if r.method != 'POST' and not any(k == b'readonly' for k, _ in user_settings):
            settings = [x for x in settings if x[0] != b'readonly'] + [(b'readonly', b'2')]
        settings.sort(key=lambda x: x[0] == b'readonly')     # last: it forbids the others
        database = r.arg('database', 'x-clickhouse-database')
        if database:
            s.whole(b'USE ' + quote(database, b'`'))
        own = [(b'log_comment', self.id.encode() + b'\t' + r.arg('log_comment'))]
        if any(k == b'readonly' and v == b'1' for k, v in user_settings):
            own = []
        self.set(own + settings)
        given = dict(settings)
        self.watched = given.get(b'cancel_http_readonly_queries_on_client_close') == b'1' and \
            given.get(b'readonly', b'0') != b'0'
        return params, settings

    def set(self, settings):
        for name, _ in settings:
            if not re.fullmatch(rb'[A-Za-z_][A-Za-z0-9_]*', name):
                raise fail(115, 'UNKNOWN_SETTING', 'Unknown setting %r' % name.decode('latin-1'))
        # In one statement: each costs the engine as much as a small query.
        text = b', '.join(name + b' = ' + quote(value, b"'") for name, value in settings
                          if name != b'http_write_exception_in_output_format')
        if text:
            self.session.whole(b'SET ' + text)

    def run(self):
        r, state = self.request, self.state
        code = 0
        params, settings, sql = {}, [], self.text()
        try:
            user_settings = self.authenticate()
            with state.lock:
                if self.id in state.running:
                    raise fail(216, 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING',
                               'Query with id = %s is already running' % self.id)
                state.running.add(self.id)
            try:
                word = self.word(sql)
                params, settings = self.prepare(user_settings)
                self.before(word)
                self.send(sql, params)
                self.after(word)
            finally:
                with state.lock:
                    state.running.discard(self.id)
                self.done.set()
                if self.session:
                    self.session.close()
        except EngineError as e:
            code = e.code
            self.exception(e)
        finally:
            self.note(sql, params, settings, code)

    def word(self, sql):
        """what is to become of an INSERT"""
        if not re.match(rb'\s*INSERT\b', sql, re.I):
            return 'ok'
        with self.state.lock:
            return self.state.inserts.pop(0) if self.state.inserts else 'ok'

    def before(self, word):
        if word == 'refuse':
            raise fail(241, 'MEMORY_LIMIT_EXCEEDED', 'Memory limit exceeded')
        if word == 'busy':
            raise fail(439, 'CANNOT_SCHEDULE_TASK', 'Cannot schedule a task')
        if word == 'reset':
            self.answer.drop()
        if word == 'slow':
            # A query of the engine, as the INSERT would be: seen by others, and stopped by KILL.
            self.session.whole(b'SELECT sleepEachRow(0.1) FROM numbers(20) SETTINGS max_block_size = 1')
        if word in ('lose', 'hold'):
            self.answer.hold = True

    def after(self, word):
        if word == 'hold':
            time.sleep(60)
        if word in ('lose', 'hold'):
            self.answer.drop()

    def send(self, sql, params):
        fmt = self.request.arg('default_format', 'x-clickhouse-format', b'TabSeparated')
        m = re.search(rb'\bFORMAT\s+(\w+)\s*;?\s*$', sql, re.I)
        if m and not re.match(rb'\s*INSERT\b', sql, re.I):
            fmt = m.group(1)
        self.fmt = fmt.decode('latin-1')
        if not sql.strip():
            raise fail(62, 'SYNTAX_ERROR', 'Empty query')
        for text in self.denied:
            if text in sql:
                raise fail(497, 'ACCESS_DENIED', '%s: Not enough privileges. To execute this query, it\'s necessary '
                           'to have the grant SELECT for at least one column on %s' % (self.user, text.decode('latin-1')))
        if re.match(rb'\s*KILL\b', sql, re.I) or re.search(rb'\bsystem\s*\.\s*processes\b', sql):
            sql = re.sub(rb'(?<![\w\'`"{.])query_id(?!\w)', lambda _: OWN_ID, sql)
        if self.watched:
            threading.Thread(target=self.watch, daemon=True).start()
        rows = re.match(rb'\s*(INSERT\b.*?)\s+FORMAT\s+(\w+)\s*$', self.request.arg('query'), re.I | re.S)
        if rows and self.request.body:
            pieces = (self.session.insert(*rows.groups(), self.request.body, self.figures) for _ in range(1))
        else:
            pieces = self.session.pieces(sql, fmt, params, self.figures)
        try:
            self.forward(pieces)
        finally:
            pieces.close()

    def begin_packing(self):
        r = self.request
        if r.arg('enable_http_compression') == b'1':
            self.encoding = packing.choose(r.headers.get('accept-encoding', b'').decode('latin-1'), self.state.known)
        self.packer = packing.packer(self.encoding, self.state.frames,
                                     r.arg('http_zlib_compression_level', default=packing.LEVEL))

    def forward(self, pieces):
        a = self.answer
        self.begin_packing()
        if self.request.arg('wait_end_of_query') == b'1':
            body = b''.join(pieces)
            a.head(200, self.headers() + [('Transfer-Encoding', 'chunked')])
            a.chunk(self.packer.pack(body))
        else:
            first = next(pieces, b'')
            self.tag = secrets.token_hex(8)
            tag = [('X-ClickHouse-Exception-Tag', self.tag)] if self.state.exceptions == 'tagged' else []
            a.head(200, self.headers() + tag + [('Transfer-Encoding', 'chunked')])
            a.chunk(self.packer.pack(first))
            for piece in pieces:
                a.chunk(self.packer.pack(piece))
        a.chunk(self.packer.finish())
        a.end()

    def headers(self):
        f = self.figures
        summary = {'read_rows': max(f.get('storage_rows_read', 0), 0), 'read_bytes': f.get('storage_bytes_read', 0),
                   'written_rows': f.get('rows_written', 0), 'written_bytes': f.get('bytes_written', 0),
                   'total_rows_to_read': 0, 'result_rows': f.get('rows_read', 0), 'result_bytes': 0,
                   'elapsed_ns': int((time.monotonic() - self.begin) * 1e9), 'memory_usage': 0}
        return [('X-ClickHouse-Query-Id', self.id), ('X-ClickHouse-Format', getattr(self, 'fmt', 'TabSeparated')),
                ('X-ClickHouse-Timezone', 'UTC'), ('X-ClickHouse-Server-Display-Name', 'chdb'),
                ('X-ClickHouse-Summary', json.dumps({k: str(v) for k, v in summary.items()},
                                                    separators=(',', ':'))),
                ('Content-Type', 'application/octet-stream')] + \
            ([('Content-Encoding', self.encoding)] if self.encoding else [])

    def exception(self, e):
        a = self.answer
        text = e.text
        if b'(version ' not in text:
            text += b' (version %s (official build))' % self.state.version
        text += b'\n'
        if not a.begun:
            extra = [('X-ClickHouse-Exception-Code', e.code)]
            if e.name == 'REQUIRED_PASSWORD':
                extra.append(('WWW-Authenticate', 'Basic realm="ClickHouse server HTTP API"'))
            if self.encoding:
                text = self.packer.pack(text) + self.packer.finish()
            a.whole(STATUS.get(e.name, 500), self.headers() + extra, text)
        elif self.state.exceptions == 'appended':
            a.chunk(self.packer.pack(text) + self.packer.finish())
            a.keep = False
        else:
            tag = self.tag.encode() + b'\r\n' if self.state.exceptions == 'tagged' else b''
            text = text.rstrip(b'\n')[:16000]
            block = b'\r\n__exception__\r\n' + tag + text + b'\n'
            block += b'%d ' % (len(text) + 1) + tag if tag else b''
            a.chunk(self.packer.pack(block + b'__exception__\r\n') + self.packer.finish())
            a.end()

    def watch(self):
        """stops the query when the peer goes away"""
        try:
            raw = socket.socket(fileno=os.dup(self.answer.sock.fileno()))
        except OSError:     # it was closed before one could look
            return
        with raw:
            while not self.done.wait(0.05):
                if not select.select([raw], [], [], 0)[0]:
                    continue
                try:
                    if raw.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                        return
                except BlockingIOError:
                    continue
                except OSError:
                    pass
                s = self.state.engine.session()
                s.whole(b'KILL QUERY WHERE ' + OWN_ID + b' = {id:String}', params={b'id': self.id.encode()})
                s.close()
                return

    def note(self, sql, params, settings, code):
        if not self.state.log:
            return
        line = {'query': sql[:65536].decode('latin-1'), 'bytes': len(sql), 'encoding':
                self.request.headers.get('content-encoding', b'').decode(), 'packed': self.encoding,
                'rows': self.figures.get('rows_written', 0),
                'read_rows': self.figures.get('storage_rows_read', 0), 'id': self.id, 'user': getattr(self, 'user', ''), 'code': code,
                'comment': self.request.arg('log_comment').decode('latin-1'),
                'params': {k.decode('latin-1'): v.decode('latin-1') for k, v in params.items()},
                'settings': {k.decode('latin-1'): v.decode('latin-1') for k, v in settings}}
        with self.state.lock:
            self.state.log.write(json.dumps(line) + '\n')
            self.state.log.flush()


def quote(b, q):
    return q + b.replace(b'\\', b'\\\\').replace(q, b'\\' + q) + q


def serve(state, sock):
    """the requests of one connection"""
    try:
        with sock, sock.makefile('rb') as f:
            while True:
                request, answer = Request(f, sock), Answer(sock)
                if state.gone and not request.path.startswith('/test/'):
                    answer.drop()
                if len(request.url) > MAX_URL:
                    answer.whole(414, [], b'')
                    return
                if request.path == '/ping' or (request.path == '/' and not request.search and not request.body):
                    answer.whole(200, [('Content-Type', 'text/html; charset=UTF-8')], b'Ok.\n')
                elif request.path.startswith('/test/exceptions/'):
                    state.exceptions = request.path.rsplit('/', 1)[1]
                    answer.whole(200, [], b'Ok.\n')
                elif request.path.startswith('/test/inserts/'):
                    state.inserts = request.path.rsplit('/', 1)[1].split(',')
                    answer.whole(200, [], b'Ok.\n')
                elif request.path.startswith('/test/gone/'):
                    state.gone = request.path.endswith('/1')
                    answer.whole(200, [], b'Ok.\n')
                elif request.path.startswith('/test/frames/'):
                    state.frames = request.path.endswith('/1')
                    answer.whole(200, [], b'Ok.\n')
                elif request.path.startswith('/test/known/'):
                    state.known = request.path.rsplit('/', 1)[1]
                    answer.whole(200, [], b'Ok.\n')
                elif request.path != '/':
                    answer.whole(404, [], b'There is no handle ' + request.path.encode('latin-1') + b'\n')
                else:
                    Query(state, request, answer).run()
                if not answer.keep or request.headers.get('connection', b'').lower() == b'close':
                    sock.shutdown(socket.SHUT_RDWR)
                    return
    except (Closed, OSError, ValueError):
        pass


def listen(state, tls):
    server = socket.create_server(('127.0.0.1', 0))
    print(server.getsockname()[1], flush=True)

    def one(sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                sock = tls.wrap_socket(sock, server_side=True)
        except OSError:
            return
        serve(state, sock)

    while True:
        sock, _ = server.accept()
        threading.Thread(target=one, args=(sock,), daemon=True).start()


def main(argv):
    users, tls, seconds, log = {}, None, 600, None
    lib, directory, rest = argv[1], argv[2], argv[3:]
    while rest:
        option = rest.pop(0)
        if option == '--user':
            name, password, *more = rest.pop(0).split(':')
            users[name] = (password.encode(), [tuple(m.encode().split(b'=', 1)) for m in more])
        elif option == '--tls':
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(rest.pop(0), rest.pop(0))
        elif option == '--seconds':
            seconds = int(rest.pop(0))
        elif option == '--log':
            log = open(rest.pop(0), 'w')
        else:
            sys.exit('server.py: unknown option ' + option)
    users.setdefault('default', (b'', []))
    state = State(Engine(lib, directory), users, log)
    threading.Thread(target=listen, args=(state, tls), daemon=True).start()
    # Nothing ever comes: it ends with whoever started it.
    select.select([sys.stdin], [], [], seconds)
    os._exit(0)


main(sys.argv)
