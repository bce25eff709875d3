/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: publications that are refused, a row each. The job fails, the last line of its log is an error with the row's
 * sentence, and nothing is left of it: the same commits, the same objects in storage, no folder at work. (What the gateway can
 * see by itself it may refuse at once, with 400 and the same kind of sentence.)
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
    const char *request;        /* NULL: the ordinary one for the package */
    const char *sentence;       /* the whole last line; NULL: `words` alone */
    const char *words[3];       /* all of them are in the last line */
    const char *words_above[2]; /* and these somewhere in the log */
    bool is_there_already;      /* the source is not to be pushed */
};

void refusal_expect(struct server *server, const struct refusal *refusal);

/* Posts the request and returns the sentence that it was refused with, *log being the whole log; in the server's arena. For
 * tests that look at more than the sentence. */
const char *refusal_sentence(struct server *server, const char *request, const char **log);

/* Fails where the work folder still holds anything of a job, a while after its end. */
void refusal_expect_no_work(struct server *server);

/* A test program of refusals. */
struct refusals {
    struct server **server; /* where its tests have the server, */
    void (*start)(void);    /* which this starts there, with what is published before */
    const struct refusal *rows;
    size_t row_count;
    const struct CMUnitTest *others;
    size_t other_count;
};

/* Runs a test for each row, with the row's name, and then the others; in the end the registry must be consistent. Returns what
 * main() returns. */
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
