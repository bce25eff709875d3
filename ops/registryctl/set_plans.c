/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl package-set --dry-run` and `--propose compiler=V`: what the next update of the package set would try, and what a
 * higher compiler would take. Asked of the package-set service by messages (service_line.h).
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"
#include "ops/registryctl/package_set.h"
#include "ops/registryctl/service_line.h"

static enum status ask(const struct message *question, json_t **answer, struct error *err) {
    struct service_line line = {0};
    enum status status = service_line_open(&line, SERVICE_PACKAGE_SET, err);
    if (!status) status = service_line_ask(&line, question, answer, err);
    service_line_close(&line);
    return status;
}

static const char *plural(json_int_t count) {
    return count == 1 ? "" : "s";
}

/* ---- --dry-run ---- */

static void print_candidate(const json_t *candidate) {
    static const struct {
        const char *outcome, *sentence;
    } rows[] = {
        {"to_try", "is to be tried"},
        {"compiles", "compiles, as is known"},
        {"fails", "does not compile, as is known"},
        {"breaks", "is not taken, as is known: with it this does not compile:"},
        {"blocked", "is not taken, as is known: it needs"},
    };
    const char *from = gateway_text(candidate, "setVersion"), *by = gateway_text(candidate, "by");
    printf("  %s@%s (%s%s, published %s) ", gateway_text(candidate, "name"), gateway_text(candidate, "version"),
           *from ? "from " : "new", from, gateway_text(candidate, "published"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (text_equal(rows[i].outcome, gateway_text(candidate, "outcome"))) printf("%s", rows[i].sentence);
    printf("%s%s\n", *by ? " " : "", by);
}

static void print_build(const json_t *build) {
    const json_t *because = json_object_get(build, "because"), *name;
    const char *package = gateway_text(build, "name");
    size_t i, others = 0;
    printf("  %s@%s", package, gateway_text(build, "version"));
    json_array_foreach((json_t *)because, i, name) if (text_equal(json_string_value(name), package)) printf(", a candidate");
    json_array_foreach((json_t *)because, i, name) {
        if (text_equal(json_string_value(name), package)) continue;
        printf("%s%s", others++ ? ", " : ", depends on ", json_string_value(name));
    }
    putchar('\n');
}

/* Why no set will be released, whichever candidates compile. */
static void print_lost(const json_t *list) {
    const json_t *lost;
    size_t i;
    json_array_foreach((json_t *)list, i, lost)
        printf("%s %s@%s",
               i ? "," : "\nNo set is released by itself until a trustee replaces or removes what is not published any more:",
               gateway_text(lost, "name"), gateway_text(lost, "version"));
    if (json_array_size(list) > 0) puts(".");
}

static void print_dry_run(const json_t *answer) {
    const json_t *set = json_object_get(answer, "packageSet"), *group, *item;
    const json_t *groups = json_object_get(answer, "groups"), *builds = json_object_get(answer, "builds");
    json_int_t candidates = json_integer_value(json_object_get(answer, "candidates"));
    json_int_t known = json_integer_value(json_object_get(answer, "knownBuilds"));
    size_t i, j;
    printf("The latest package set is %s, for compiler %s. There %s %lld candidate%s in %zu group%s.\n",
           gateway_text(set, "version"), gateway_text(set, "compiler"), candidates == 1 ? "is" : "are", (long long)candidates,
           plural(candidates), json_array_size(groups), plural((json_int_t)json_array_size(groups)));
    print_lost(json_object_get(answer, "lost"));
    json_array_foreach((json_t *)groups, i, group) {
        printf("\nGroup %zu:\n", i + 1);
        json_array_foreach((json_t *)group, j, item) print_candidate(item);
    }
    if (known > 0) printf("\n%lld build%s known from earlier.\n", (long long)known, known == 1 ? " is" : "s are");
    if (json_array_size(builds) == 0) {
        puts("\nNo further build is needed to decide about the candidates; what is taken is then built as a whole.");
        return;
    }
    printf("\nAn update would make %zu build%s first:\n", json_array_size(builds), plural((json_int_t)json_array_size(builds)));
    json_array_foreach((json_t *)builds, i, item) print_build(item);
}

enum status package_set_dry_run(struct invocation *call, struct error *err) {
    json_t *answer = NULL;
    if (call->count > 0) return wrong_call(call, err, "Unexpected argument \"%s\".", call->arguments[0]);
    enum status status = ask(&(struct message){.tag = MESSAGE_set_dry_run_query}, &answer, err);
    if (!status) print_dry_run(answer);
    json_decref(answer);
    return status;
}

/* ---- --propose ---- */

static void print_change(const json_t *change) {
    const char *from = gateway_text(change, "from"), *to = gateway_text(change, "to");
    printf("  %s: ", gateway_text(change, "name"));
    if (*from && *to)
        printf("%s -> %s", from, to);
    else
        printf("%s %s", *to ? "added in" : "leaves, in", *to ? to : from);
    printf(". %s\n", gateway_text(change, "reason"));
}

static void print_unproven(const json_t *names) {
    const json_t *name;
    size_t i;
    if (json_array_size(names) == 0) return;
    printf("\nNot known to build with it until a build shows it: ");
    json_array_foreach((json_t *)names, i, name) printf("%s%s", i ? ", " : "", json_string_value(name));
    puts(".");
}

/* The request is the last line of standard output, so it can be passed on. */
static void print_proposal(const json_t *answer) {
    const json_t *set = json_object_get(answer, "packageSet"), *changes = json_object_get(answer, "changes"), *change;
    struct text request = {0};
    size_t i;
    printf("For compiler %s the package set %s, for %s, would change in %zu package%s.\n\n", gateway_text(answer, "compiler"),
           gateway_text(set, "version"), gateway_text(set, "compiler"), json_array_size(changes),
           plural((json_int_t)json_array_size(changes)));
    json_array_foreach((json_t *)changes, i, change) print_change(change);
    print_unproven(json_object_get(answer, "unproven"));
    json_append_value(&request, json_object_get(answer, "request"), 0);
    printf("\nA trustee requests this by: registryctl trustee --actor LOGIN package-set PAYLOAD, with the payload\n%s\n",
           request.bytes);
    text_release(&request);
}

enum status package_set_propose(struct invocation *call, const char *change, struct error *err) {
    static const char compiler[] = "compiler=";
    bool builds = take_flag(call, "build"), follow = take_flag(call, "follow");
    json_t *answer = NULL;
    if (!text_starts_with(change, compiler)) return wrong_call(call, err, "--propose needs compiler=VERSION.");
    if (call->count > 0) return wrong_call(call, err, "Unexpected argument \"%s\".", call->arguments[0]);
    if (follow && !builds) return wrong_call(call, err, "--follow needs --build.");
    const struct message question = {.tag = MESSAGE_set_proposal_query,
                                     .set_proposal_query = {.compiler = change + sizeof compiler - 1, .builds = builds}};
    enum status status = ask(&question, &answer, err);
    if (!status) print_proposal(answer);
    const char *id = status ? "" : arena_copy(&call->arena, gateway_text(answer, "jobId"));
    json_decref(answer);
    if (status || !builds) return status;
    printf("\nThe job %s builds the changed set, and releases nothing.\n", id);
    return follow ? job_print_log(call, id, "INFO", true, err) : STATUS_OK;
}
