/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: publications that are refused, one row for each. The job fails, the last line of its log is an error with the
 * row's sentence, and it leaves nothing behind: the same commits, the same objects in storage, no work folder. (The gateway may
 * refuse at once, with 400 and the same kind of sentence, if the request alone shows the fault.)
 */
#ifndef TESTS_SUPPORT_REFUSAL_H
#define TESTS_SUPPORT_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/server/server_fixture.h"

struct CMUnitTest;

struct refusal {
    const char *holds; /* the test's name */
    struct package package;
    const char *request;        /* NULL: the default request for the package */
    const char *sentence;       /* the whole last line; NULL: `words` alone */
    const char *words[3];       /* all of them are in the last line */
    const char *words_above[2]; /* these are anywhere in the log */
    bool is_there_already;      /* the source must not be pushed */
};

void refusal_expect(struct server *server, const struct refusal *refusal);

/* Posts the request and returns the sentence of its refusal; *log becomes the whole log; both in the server's arena. For tests
 * that check more than the sentence. */
const char *refusal_sentence(struct server *server, const char *request, const char **log);

/* Fails if the work folder still has anything of a job, a while after its end. */
void refusal_expect_no_work(struct server *server);

/* A test program of refusals. */
struct refusals {
    struct server **server; /* the variable of its tests for the server, */
    void (*start)(void);    /* which this sets, after publishing the packages needed */
    const struct refusal *rows;
    size_t row_count;
    const struct CMUnitTest *others;
    size_t other_count;
};

/* Runs a test for each row, with the row's name, and then the other tests; in the end the registry must be consistent. Returns
 * the exit status for main(). */
int refusals_run(const struct refusals *refusals);

/* The same for arrays. */
#define REFUSALS_RUN(server, start, rows, others)                                                                              \
    refusals_run(                                                                                                              \
        &(struct refusals){&(server), start, rows, sizeof(rows) / sizeof *(rows), others, sizeof(others) / sizeof *(others)})

/* ---- Parts of rows ---- */

#define REFUSAL_LOCATION(repo) "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"" repo "\"}"
#define REFUSAL_REQUEST(name, version, ref, more)                                                                              \
    "{\"name\": \"" name "\", \"version\": \"" version "\", \"ref\": \"" ref "\", " more "}"

/* `more` are further fields, each with its comma: "\"owners\": [], ". */
#define REFUSAL_PURS_JSON(name, version, license, repo, more)                                                                  \
    "{\"name\": \"" name "\", \"version\": \"" version "\", \"license\": \"" license                                           \
    "\", " REFUSAL_LOCATION(repo) ", \"ref\": \"v1.0.0\", " more "\"dependencies\": {}}"

#endif
