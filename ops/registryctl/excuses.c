/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl package-set --excuses [NAME]`: why packages are, or are not, in the latest package set.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/set/set_excuses.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"
#include "ops/registryctl/package_set.h"

/* ---- Parts ---- */

static void print_head(const json_t *answer) {
    const json_t *set = json_object_get(answer, "packageSet"), *checked = json_object_get(answer, "checked");
    const char *next = gateway_text(answer, "nextUpdate");
    printf("The latest package set is %s, of %s, for compiler %s.\n", gateway_text(set, "version"),
           gateway_text(set, "published"), gateway_text(set, "compiler"));
    if (checked)
        printf("All candidates were last tried at %s (job %s).\n", gateway_text(checked, "time"),
               gateway_text(checked, "jobId"));
    if (*next) printf("The next update is to start at %s.\n", next);
}

/* `NAME` or `NAME (through NAME, NAME)`, and whether other versions would do. */
static void print_obstacle(const json_t *obstacle) {
    const json_t *through = json_object_get(obstacle, "through"), *name;
    const char *newer = gateway_text(obstacle, "newer"), *lower = gateway_text(obstacle, "lower");
    size_t i;
    printf("  %s@%s", gateway_text(obstacle, "name"), gateway_text(obstacle, "version"));
    json_array_foreach((json_t *)through, i, name) printf("%s%s", i ? ", " : " through ", json_string_value(name));
    if (*newer) printf("; %s builds with it", newer);
    if (*lower) printf("; %s builds with it", lower);
    putchar('\n');
}

static void print_next_compilers(const json_t *answer, bool has_empty) {
    const json_t *next, *obstacle;
    size_t i, j;
    json_array_foreach(json_object_get(answer, "nextCompilers"), i, next) {
        const json_t *in_the_way = json_object_get(next, "inTheWay");
        const char *compiler = gateway_text(next, "compiler");
        if (json_array_size(in_the_way) == 0) {
            if (has_empty) printf("\nNothing is in the way of compiler %s.\n", compiler);
            continue;
        }
        printf("\nIn the way of compiler %s:\n", compiler);
        json_array_foreach((json_t *)in_the_way, j, obstacle) print_obstacle(obstacle);
    }
}

/* ---- One package ---- */

static void print_excuse(const json_t *excuse) {
    const char *since = gateway_text(excuse, "since"), *job = gateway_text(excuse, "jobId");
    printf("\n%s: %s\n  %s\n", gateway_text(excuse, "name"), gateway_text(excuse, "verdict"), gateway_text(excuse, "sentence"));
    if (*since) printf("  Since %s.\n", since);
    if (*job) printf("  Shown by the log of the job %s.\n", job);
    printf("  Who can act: %s.\n", gateway_text(excuse, "whoCanAct"));
}

/* ---- All packages ---- */

static void print_verdict(const json_t *answer, enum set_verdict verdict) {
    const char *word = set_verdict_text(verdict);
    const json_t *excuse;
    size_t i;
    json_int_t count = json_integer_value(json_object_get(json_object_get(answer, "counts"), word));
    if (count == 0) return;
    printf("\n%s: %lld package%s. %s Who can act: %s.\n", word, (long long)count, count == 1 ? "" : "s",
           set_verdict_meaning(verdict), set_party_text(set_verdict_party(verdict)));
    json_array_foreach(json_object_get(answer, "excuses"), i, excuse) {
        const char *job = gateway_text(excuse, "jobId");
        if (verdict == SET_VERDICT_IN_SET || !text_equal(gateway_text(excuse, "verdict"), word)) continue;
        printf("  %s%s%s%s\n", gateway_text(excuse, "sentence"), *job ? " (job " : "", job, *job ? ")" : "");
    }
}

enum status package_set_excuses(struct invocation *call, struct error *err) {
    json_t *answer = NULL;
    const char *name = call->count ? call->arguments[0] : NULL;
    if (call->count > 1) return wrong_call(call, err, "--excuses takes one NAME at most.");
    enum status status = name ? package_name_check(name, err) : STATUS_OK;
    if (status) return status;
    const char *path = arena_format(&call->arena, "/api/v1/package-sets/latest/excuses%s%s", name ? "/" : "", name ? name : "");
    status = gateway_ask(call, path, NULL, 0, &answer, err);
    if (status) return status;
    print_head(answer);
    if (name) print_excuse(json_object_get(answer, "excuse"));
    for (int verdict = 0; !name && verdict < SET_VERDICT_COUNT; verdict++)
        print_verdict(answer, (enum set_verdict)verdict);
    print_next_compilers(answer, !name);
    json_decref(answer);
    return STATUS_OK;
}
