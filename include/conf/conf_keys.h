/* SPDX-License-Identifier: ISC */
/*
 * conf_keys: the table of settings, one X(...) a key: id, section, name, type, default, min,
 * max, words, help. No include guard: included several times. Keys come with the code that
 * reads them.
 */
X(STORE_PATH, "store", "path", CONF_STRING, "/var/lib/spanfs", 0, 0, NULL,
    "Directory of the store.")
X(STORE_ROW_GROUP_ROWS, "store", "row_group_rows", CONF_INT, "16384", 256, 65536, NULL,
    "Rows of a row group in new shards.")
X(STORE_COMPRESSION, "store", "compression", CONF_ENUM, "zstd", 0, 0, "none zstd",
    "Compressor of new shards.")
X(STORE_COMPRESSION_LEVEL, "store", "compression_level", CONF_INT, "3", 1, 19, NULL,
    "Its level.")
X(STORE_INDEX_BUDGET, "store", "index_budget", CONF_INT, "12", 0, 100, NULL,
    "Most that a new shard's indexes may take, in percent of its other bytes; 0: none.")
X(STORE_TEXT_INDEX, "store", "text_index", CONF_BOOL, "yes", 0, 0, NULL,
    "Text indexes may be among them.")
X(STORE_SYNC, "store", "sync", CONF_BOOL, "yes", 0, 0, NULL,
    "Sync files and directories before a commit is reported.")
X(STORE_CACHE, "store", "cache", CONF_SIZE, "256MiB", 1048576, 1125899906842624, NULL,
    "Memory for decoded parts of shards; what is read only once gets a tenth, or 16 MiB if that is more, but no more than half.")
X(QUERY_THREADS, "query", "threads", CONF_INT, "0", 0, 1024, NULL,
    "Threads of one query; 0: as many as there are processors.")
X(QUERY_TIMEOUT, "query", "timeout", CONF_DURATION, "30s", 1e6, 8.64e17, NULL,
    "Longest that a query may take for its first rows, and then for further ones.")
X(QUERY_MEMORY, "query", "memory", CONF_SIZE, "1GiB", 1048576, 1125899906842624, NULL,
    "Most memory of one query.")
X(QUERY_TOTAL_MEMORY, "query", "total_memory", CONF_SIZE, "4GiB", 0, 1125899906842624, NULL,
    "Most memory of all queries and their results, with [store] cache; 0: no bound.")
X(QUERY_AGGREGATES, "query", "aggregates", CONF_ENUM, "auto", 0, 0, "auto exact",
    "Short of memory, percentiles (1 %) and distinct (2 %) are approximate, or the query fails.")
X(QUERY_GROUP_MEMORY, "query", "group_memory", CONF_SIZE, "0", 0, 1125899906842624, NULL,
    "Groups that take more memory go to [mount] spill_dir; 0: seven eighths of memory.")
X(QUERY_MAX_ROWS, "query", "max_rows", CONF_INT, "0", 0, 1e15, NULL,
    "Most rows of a result; 0: no bound. A larger limit is refused.")
X(QUERY_MAX_CONCURRENT, "query", "max_concurrent", CONF_INT, "8", 1, 1024, NULL,
    "Queries that run at once; others wait their turn, up to timeout.")
X(QUERY_RULES_OFF, "query", "rules_off", CONF_STRING, "", 0, 0, NULL,
    "Rules of the optimizer that are left out, with commas between, or all; rows stay the same.")
X(MOUNT_NOW, "mount", "now", CONF_STRING, "wall", 0, 0, NULL,
    "What `now` is: wall, latest (the newest span in the store) or a time.")
X(MOUNT_SIZES, "mount", "sizes", CONF_ENUM, "exact", 0, 0, "exact lazy",
    "Whether a result has its size before its first byte, or dear and large ones are streamed.")
X(MOUNT_STAT_BUDGET, "mount", "stat_budget", CONF_DURATION, "100ms", 0, 6e10, NULL,
    "What the sizes of a listed directory's files may take; those past it read 0 in listings.")
X(MOUNT_STREAM_ABOVE, "mount", "stream_above", CONF_SIZE, "64MiB", 4096, 1125899906842624, NULL,
    "With sizes=lazy results larger than this are streamed.")
X(MOUNT_STREAM_AFTER, "mount", "stream_after", CONF_DURATION, "1s", 0, 3.6e12, NULL,
    "With sizes=lazy an open waits this long for a complete result before it streams.")
X(MOUNT_SPILL_DIR, "mount", "spill_dir", CONF_STRING, "/var/tmp", 0, 0, NULL,
    "Directory of unlinked spill files.")
X(MOUNT_SPILL_MAX, "mount", "spill_max", CONF_SIZE, "4GiB", 0, 1125899906842624, NULL,
    "Most bytes of one result on disk.")
X(MOUNT_ENTRY_TIMEOUT, "mount", "entry_timeout", CONF_DURATION, "60s", 0, 3.6e12, NULL,
    "How long the kernel keeps names.")
X(MOUNT_ALLOW_OTHER, "mount", "allow_other", CONF_BOOL, "no", 0, 0, NULL,
    "Let other users in.")
X(MOUNT_READAHEAD, "mount", "readahead", CONF_SIZE, "1MiB", 0, 1.6777216e7, NULL,
    "Kernel read-ahead of the mount (set when mounting as root); 0: leave it.")
X(MOUNT_THREADS, "mount", "threads", CONF_INT, "4", 1, 64, NULL,
    "Threads that answer the kernel.")
X(BROWSE_VALUES_MAX, "browse", "values_max", CONF_INT, "1000", 1, 100000, NULL,
    "Most values that a directory lists.")
X(BROWSE_STRICT_NAMES, "browse", "strict_names", CONF_BOOL, "yes", 0, 0, NULL,
    "A service or field that the store has never seen is ENOENT.")
X(COST_HARDWARE_PROFILE, "cost_model", "hardware_profile", CONF_ENUM, "ssd", 0, 0, "hdd ssd memory",
    "Kind of storage: sets random_page_cost where it is not given.")
X(COST_SEQ_PAGE, "cost_model", "seq_page_cost", CONF_DOUBLE, "1.0", 0, 1e9, NULL,
    "Cost of a page read in sequence: the unit.")
X(COST_RANDOM_PAGE, "cost_model", "random_page_cost", CONF_DOUBLE, "1.1", 0, 1e9, NULL,
    "Cost of a page read out of sequence.")
X(COST_CPU_TUPLE, "cost_model", "cpu_tuple_cost", CONF_DOUBLE, "0.01", 0, 1e9, NULL,
    "Cost of putting a row together.")
X(COST_CPU_INDEX_TUPLE, "cost_model", "cpu_index_tuple_cost", CONF_DOUBLE, "0.005", 0, 1e9, NULL,
    "Cost of an index entry.")
X(COST_CPU_OPERATOR, "cost_model", "cpu_operator_cost", CONF_DOUBLE, "0.0025", 0, 1e9, NULL,
    "Cost of testing a value.")
X(COST_TRACE_HOP, "cost_model", "trace_hop_cost", CONF_DOUBLE, "0.02", 0, 1e9, NULL,
    "Cost of a step from a span to a related one.")
X(COST_MULTI_HOP_PENALTY, "cost_model", "multi_hop_penalty", CONF_DOUBLE, "1.2", 1, 1e9, NULL,
    "Factor for every step after the first.")
X(COST_CACHE_PAGES, "cost_model", "effective_cache_pages", CONF_INT, "10000", 0, 1e15, NULL,
    "Pages that are likely cached.")
X(COST_LARGE_TRACE, "cost_model", "large_trace_threshold", CONF_INT, "10000", 1, 1e15, NULL,
    "Spans from which a trace counts as large.")
X(COST_NETWORK_BYTE, "cost_model", "network_byte_cost", CONF_DOUBLE, "0.00001", 0, 1e9, NULL,
    "Cost of a byte that a server of spans sends over the network.")
X(COST_NETWORK_ROUND_TRIP, "cost_model", "network_round_trip_cost", CONF_DOUBLE, "50", 0, 1e9, NULL,
    "Cost of a question to such a server.")
X(COST_ADAPTIVE, "cost_model", "adaptive", CONF_BOOL, "yes", 0, 0, NULL,
    "Correct the costs slowly by what queries take, to between a quarter and four times of them.")
X(DECISION_CACHE_ENABLED, "decision_cache", "enabled", CONF_BOOL, "yes", 0, 0, NULL,
    "Remember how queries of a kind are best run.")
X(DECISION_CACHE_MAX_ENTRIES, "decision_cache", "max_entries", CONF_INT, "1000", 1, 1e6, NULL,
    "Most decisions that are remembered.")
X(DECISION_CACHE_MAX_BYTES, "decision_cache", "max_bytes", CONF_SIZE, "4MiB", 4096, 1e12, NULL,
    "Most memory that they take.")
X(DECISION_CACHE_TTL, "decision_cache", "ttl", CONF_DURATION, "1h", 1e6, 8.64e15, NULL,
    "How long a decision is used.")
X(RESULT_CACHE_ENABLED, "result_cache", "enabled", CONF_BOOL, "yes", 0, 0, NULL,
    "Keep results for later opens.")
X(RESULT_CACHE_MAX_BYTES, "result_cache", "max_bytes", CONF_SIZE, "256MiB", 0, 1125899906842624, NULL,
    "Memory of results that are kept for whoever asks the same.")
X(RESULT_CACHE_ENTRY_MAX_BYTES, "result_cache", "entry_max_bytes", CONF_SIZE, "32MiB", 0, 1125899906842624, NULL,
    "Largest result kept in memory; larger ones are made as they are read, or in spill files.")
X(RESULT_CACHE_TTL, "result_cache", "ttl", CONF_DURATION, "30s", 0, 8.64e13, NULL,
    "The step of `now`, and how long a result is that of its size.")
X(REDIS_URL, "redis", "url", CONF_STRING, "", 0, 0, NULL,
    "Redis in which mounts share results: redis://, rediss:// (TLS) or unix://; empty: off.")
X(REDIS_PREFIX, "redis", "prefix", CONF_STRING, "spanfs:", 0, 0, NULL,
    "What its keys begin with; the store's identity follows.")
X(REDIS_TTL, "redis", "ttl", CONF_DURATION, "5m", 0, 8.64e16, NULL,
    "How long it keeps a result; 0: until it needs the room.")
X(REDIS_TIMEOUT, "redis", "timeout", CONF_DURATION, "50ms", 1e6, 1e10, NULL,
    "Longest that a query waits for it, for its answer and for parts of it together.")
X(REDIS_MAX_VALUE, "redis", "max_value", CONF_SIZE, "8MiB", 1024, 268435456, NULL,
    "Largest result that is put there.")
X(REDIS_PASSWORD_FILE, "redis", "password_file", CONF_STRING, "", 0, 0, NULL,
    "File with its password, not readable by everybody; read at start and reload.")
X(CLICKHOUSE_URL, "clickhouse", "url", CONF_STRING, "", 0, 0, NULL,
    "ClickHouse server: http:// or https:// (TLS), host and port; empty: off.")
X(CLICKHOUSE_DATABASE, "clickhouse", "database", CONF_STRING, "", 0, 0, NULL,
    "Database that its table of spans is in; empty: the user's own.")
X(CLICKHOUSE_TABLE, "clickhouse", "table", CONF_STRING, "otel_traces", 0, 0, NULL,
    "Table of spans, as the Collector's exporter writes it.")
X(CLICKHOUSE_USER, "clickhouse", "user", CONF_STRING, "", 0, 0, NULL,
    "User of the server; empty: its default one.")
X(CLICKHOUSE_PASSWORD_FILE, "clickhouse", "password_file", CONF_STRING, "", 0, 0, NULL,
    "File with the user's password, not readable by everybody.")
X(CLICKHOUSE_CA_FILE, "clickhouse", "ca_file", CONF_STRING, "", 0, 0, NULL,
    "Certificates (PEM) that the server's is checked against; empty: the system's.")
X(CLICKHOUSE_TIMEOUT, "clickhouse", "timeout", CONF_DURATION, "30s", 1e6, 8.64e13, NULL,
    "Longest that the server may take for one question or batch.")
X(CLICKHOUSE_MAX_MEMORY, "clickhouse", "max_memory", CONF_SIZE, "0", 0, 1125899906842624, NULL,
    "Most memory of one question on the server; 0: as the server has it.")
X(CLICKHOUSE_COMPRESSION, "clickhouse", "compression", CONF_ENUM, "auto", 0, 0, "auto none gzip zstd",
    "Compressor of batches that are sent to it and of rows that come; auto: zstd, of rows not within a machine.")
X(STATISTICS_TOP_VALUES, "statistics", "top_values", CONF_INT, "100", 0, 10000, NULL,
    "Most frequent values kept of a field.")
X(STATISTICS_HISTOGRAM_BUCKETS, "statistics", "histogram_buckets", CONF_INT, "32", 2, 256, NULL,
    "Buckets of a shard's histograms of numbers.")
X(STATISTICS_REFRESH, "statistics", "refresh", CONF_DURATION, "300s", 0, 8.64e15, NULL,
    "Least time between two merges of all shards' statistics; 0: only by analyze.")
X(SHADOW_SAMPLE_RATE, "shadow", "sample_rate", CONF_DOUBLE, "0", 0, 1, NULL,
    "Share of the mount's queries that are run again with the plain plan and compared.")
X(SHADOW_TOLERANCE, "shadow", "tolerance", CONF_DOUBLE, "0.0001", 0, 1, NULL,
    "Share by which computed doubles (sums, averages) may differ.")
X(SHADOW_TIMEOUT, "shadow", "timeout", CONF_DURATION, "60s", 1e6, 8.64e17, NULL,
    "Longest second run; what takes longer stays undecided.")
X(SHADOW_MEMORY, "shadow", "memory", CONF_SIZE, "256MiB", 1048576, 1125899906842624, NULL,
    "Most memory of a second run.")
X(INGEST_MAX_REQUEST, "ingest", "max_request", CONF_SIZE, "256MiB", 1024, 2147483648.0, NULL,
    "Largest request; a larger one is rejected.")
X(LOG_LEVEL, "log", "level", CONF_ENUM, "info", 0, 0, "error warn info debug",
    "How much is logged.")
X(LOG_FILE, "log", "file", CONF_STRING, "", 0, 0, NULL,
    "Log file; empty: syslog.")
X(LOG_TRACE, "log", "trace", CONF_ENUM, "off", 0, 0, "off plan",
    "Steps that are logged one by one: none, or those of every query's planning.")
X(LOG_QUERY_LOG, "log", "query_log", CONF_STRING, "", 0, 0, NULL,
    "File for a JSON line a query, made readable to its owner alone; empty: off.")
X(LOG_SLOW_QUERY, "log", "slow_query", CONF_DURATION, "100ms", 0, 8.64e17, NULL,
    "Queries that take as long are kept in .spanfs/slow; 0: none.")
