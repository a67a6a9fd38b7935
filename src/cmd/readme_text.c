/* SPDX-License-Identifier: ISC */
/* readme_text: see readme_text.h. */
#include "readme_text.h"

const char readme_text[] =
"This is spanfs: a store of traces, mounted. A path is a query; a file is its result.\n"
"\n"
"    ls service                                          which services there are\n"
"    cat service/checkout/since/1h/count                 how many spans in the last hour\n"
"    cat service/checkout/status/error/limit/20/spans.txt\n"
"    cat service/checkout/since/1h/spans.jsonl | jq .name\n"
"    cat duration/gt/1s/sort/duration:desc/limit/10/spans.txt\n"
"    cat where/user.id/eq/42/spans.jsonl                 any attribute\n"
"    cat trace/0af7651916cd43dd8448eb211c80319c/tree.txt one trace as a tree\n"
"    cat since/15m/text/deadlock/spans.jsonl             words anywhere\n"
"\n"
"Clauses AND with each other and may stand in any order. `ls` (and Tab) shows what may\n"
"follow. Among the clauses: service name scope kind status trace span duration\n"
"trace-duration where has text since until on not any...end all...end sort limit offset\n"
"select.\n"
"\n"
"Files: spans.jsonl spans.csv spans.txt traces.jsonl traces.csv traces.txt otlp.jsonl\n"
"events.jsonl links.jsonl count; and about the query itself: query (the canonical path),\n"
"plan, plan.json, profile.json.\n"
"\n"
"A path that is refused: cat .spanfs/errors says why. Running queries: .spanfs/queries.\n"
"In a root directory files are not listed, but they resolve: cat count.\n"
"\n"
"Manual: spanfs(1), spanctl(1), spanfs-path(7), spanfs.ini(5).\n";
