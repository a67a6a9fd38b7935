# SPDX-License-Identifier: ISC
"""The engine: ClickHouse as npm's chdb ships it (libchdb.so), by its C interface.

A Session is one connection: settings and the current database are its own, and it runs one
statement at a time. Sessions run side by side; system.processes and KILL QUERY see all of them.
"""
import ctypes
import re

V, S, N = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
FIGURES = ('rows_read', 'storage_rows_read', 'storage_bytes_read', 'rows_written', 'bytes_written')
# What a stream hands out in pieces that can be put one behind the other.
STREAMED = {'rowbinary', 'rowbinarywithnamesandtypes', 'tabseparated', 'tsv', 'tabseparatedraw', 'tsvraw',
            'jsoneachrow'}


class EngineError(Exception):
    """The engine's words, as bytes: 'Code: 62. DB::Exception: ... (SYNTAX_ERROR)'."""

    def __init__(self, text):
        super().__init__(text)
        self.text = text
        m = re.match(rb'Code: (\d+)', text)
        self.code = int(m.group(1)) if m else 1002
        names = re.findall(rb'\(([A-Z][A-Z0-9_]+)\)', text)
        self.name = names[-1].decode() if names else 'UNKNOWN_EXCEPTION'


class Engine:
    def __init__(self, lib, path):
        self.lib = lib = ctypes.CDLL(lib)
        self.path = path

        def fn(name, result, *args):
            f = getattr(lib, name)
            f.restype, f.argtypes = result, list(args)

        params = [ctypes.POINTER(S), ctypes.POINTER(N), ctypes.POINTER(S), ctypes.POINTER(N), N]
        fn('chdb_connect', V, ctypes.c_int, ctypes.POINTER(S))
        fn('chdb_close_conn', None, V)
        fn('chdb_query_with_params_n', V, V, S, N, S, N, *params)
        fn('chdb_stream_query_with_params_n', V, V, S, N, S, N, *params)
        fn('chdb_stream_fetch_result', V, V, V)
        fn('chdb_stream_insert_n', V, V, S, N, S, N)
        fn('chdb_stream_append', ctypes.c_int, V, S, N)
        fn('chdb_stream_done', V, V)
        fn('chdb_stream_insert_error', S, V)
        fn('chdb_stream_cancel_insert', None, V)
        fn('chdb_destroy_insert_stream', None, V)
        fn('chdb_stream_cancel_query', None, V, V)
        fn('chdb_destroy_query_result', None, V)
        fn('chdb_result_error', S, V)
        fn('chdb_result_buffer', V, V)
        fn('chdb_result_length', N, V)
        for name in FIGURES:
            fn('chdb_result_' + name, ctypes.c_uint64, V)
        self.keep = self.session()     # the engine ends with its last connection

    def session(self):
        return Session(self)


class Session:
    def __init__(self, engine):
        self.lib = engine.lib
        args = (S * 2)(b'clickhouse', b'--path=' + engine.path.encode())
        self.handle = self.lib.chdb_connect(2, args)
        if not self.handle:
            raise EngineError(b'Code: 1002. DB::Exception: no connection (UNKNOWN_EXCEPTION)')
        self.conn = ctypes.cast(self.handle, ctypes.POINTER(V))[0]

    def close(self):
        self.lib.chdb_close_conn(self.handle)

    def _start(self, function, sql, fmt, params):
        keys, values = list(params), list(params.values())
        n = len(keys)
        return getattr(self.lib, function)(
            self.conn, sql, len(sql), fmt, len(fmt), (S * n)(*keys), (N * n)(*map(len, keys)),
            (S * n)(*values), (N * n)(*map(len, values)), n)

    def _take(self, result, figures):
        """the bytes of a result, which is freed"""
        try:
            error = self.lib.chdb_result_error(result)
            if error:
                raise EngineError(error)
            for name in FIGURES:
                figures[name] = figures.get(name, 0) + getattr(self.lib, 'chdb_result_' + name)(result)
            n = self.lib.chdb_result_length(result)
            return ctypes.string_at(self.lib.chdb_result_buffer(result), n) if n else b''
        finally:
            self.lib.chdb_destroy_query_result(result)

    def whole(self, sql, fmt=b'TSV', params={}, figures=None):
        return self._take(self._start('chdb_query_with_params_n', sql, fmt, params),
                          {} if figures is None else figures)

    def insert(self, sql, fmt, data, figures):
        """rows of bytes; inside a statement's text an empty line would end them"""
        stream = self.lib.chdb_stream_insert_n(self.conn, sql, len(sql), fmt, len(fmt))
        try:
            error = self.lib.chdb_stream_insert_error(stream)
            if not error and self.lib.chdb_stream_append(stream, data, len(data)) != 0:
                error = self.lib.chdb_stream_insert_error(stream) or b'Code: 1002. DB::Exception: no insert'
            if error:
                self.lib.chdb_stream_cancel_insert(stream)
                raise EngineError(error)
            return self._take(self.lib.chdb_stream_done(stream), figures)
        finally:
            self.lib.chdb_destroy_insert_stream(stream)

    def pieces(self, sql, fmt, params, figures):
        """yields the result's bytes; the figures grow with it"""
        if fmt.decode('latin-1').lower() not in STREAMED:
            yield self.whole(sql, fmt, params, figures)
            return
        stream = self._start('chdb_stream_query_with_params_n', sql, fmt, params)
        error = self.lib.chdb_result_error(stream)
        if error:
            self.lib.chdb_destroy_query_result(stream)
            if b'Streaming query is not supported' not in error:
                raise EngineError(error)
            yield self.whole(sql, fmt, params, figures)
            return
        head = None
        ended = False
        try:
            while True:
                piece = self._take(self.lib.chdb_stream_fetch_result(self.conn, stream), figures)
                if not piece:
                    ended = True
                    return
                # Every piece comes with the names and types in front.
                if fmt.lower() == b'rowbinarywithnamesandtypes':
                    if head is None:
                        head = header_bytes(piece)
                    else:
                        piece = piece[head:]
                yield piece
        except EngineError:
            ended = True
            raise
        finally:
            if not ended:
                self.lib.chdb_stream_cancel_query(self.conn, stream)
            self.lib.chdb_destroy_query_result(stream)


def header_bytes(b):
    """how long the names and types are"""
    def varint(at):
        v = shift = 0
        while True:
            v |= (b[at] & 0x7f) << shift
            shift += 7
            at += 1
            if b[at - 1] < 0x80:
                return v, at

    columns, at = varint(0)
    for _ in range(2 * columns):
        n, at = varint(at)
        at += n
    return at
