/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl dmca`: reads and closes takedown cases, with the gateway's settings REDIS_URL and DMCA_DIR. Each call first gives
 * Redis and the folder what only the other has.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/settings.h"
#include "lib/store/takedown/takedown_store.h"
#include "ops/registryctl/command.h"

enum { STORE_TIMEOUT_MS = 5000 };

/* What a subcommand works with. */
struct desk {
    struct settings settings;
    struct job_store *store;
};

static void print_head(const struct takedown *takedown) {
    char received[TIME_TEXT_MAX];
    time_print(takedown->received_ms, received);
    printf("%s %s %-6s %s%s%s\n", takedown->reference, received, takedown->decision ? "closed" : "open", takedown->package,
           takedown->version ? "@" : "", takedown->version ? takedown->version : "");
}

static void print_decision(const struct takedown *takedown) {
    char closed[TIME_TEXT_MAX];
    if (!takedown->decision) return;
    time_print(takedown->closed_ms, closed);
    printf("closed: %s\ndecision: %s\n", closed, takedown->decision);
}

static enum status list(struct invocation *call, struct desk *desk, struct error *err) {
    struct takedown_list cases;
    bool all = take_flag(call, "all");
    enum status status = takedown_store_list(desk->store, false, &call->arena, &cases, err);
    for (size_t i = 0; !status && i < cases.count; i++)
        if (all || !cases.items[i].decision) print_head(&cases.items[i]);
    return status;
}

static enum status show(struct invocation *call, struct desk *desk, struct error *err) {
    struct takedown takedown;
    enum status status = takedown_store_find(desk->store, call->arguments[1], &call->arena, &takedown, err);
    if (status) return status;
    print_head(&takedown);
    if (!takedown.is_known) puts("not checked: the registry could not be asked whether there is such a package");
    printf("name: %s\ne-mail: %s\nsignature: %s\n", takedown.name, takedown.email, takedown.signature);
    print_decision(&takedown);
    printf("\n%s\n", takedown.work);
    return STATUS_OK;
}

static enum status close_case(struct invocation *call, struct desk *desk, struct error *err) {
    struct takedown takedown;
    enum status status = takedown_store_close(desk->store, desk->settings.dmca_dir, call->arguments[1], call->arguments[2],
                                              clock_now_ms(), &call->arena, &takedown, err);
    if (status) return status;
    print_head(&takedown);
    print_decision(&takedown);
    return STATUS_OK;
}

static const struct {
    const char *name, *arguments;
    int count; /* of arguments, with the name */
    enum status (*run)(struct invocation *call, struct desk *desk, struct error *err);
} subcommands[] = {{"list", "no arguments", 1, list},
                   {"show", "a REFERENCE", 2, show},
                   {"close", "a REFERENCE and a DECISION, in quotes", 3, close_case}};

static enum status open_desk(struct desk *desk, struct error *err) {
    size_t mended = 0;
    enum status status = settings_load(&desk->settings, PROGRAM_GATEWAY, err);
    if (!status) status = job_store_create(&desk->store, desk->settings.redis_url, STORE_TIMEOUT_MS, err);
    if (!status) status = takedown_store_mend(desk->store, desk->settings.dmca_dir, &mended, err);
    if (mended) fprintf(stderr, "registryctl: %zu cases were missing in Redis or in DMCA_DIR and are there again.\n", mended);
    return status;
}

enum status command_dmca(struct invocation *call, struct error *err) {
    size_t i = 0, count = sizeof subcommands / sizeof *subcommands;
    struct desk desk = {0};
    while (i < count && strcmp(subcommands[i].name, call->arguments[0]) != 0)
        i++;
    if (i == count) return wrong_call(call, err, "\"%s\" is none of list, show and close.", call->arguments[0]);
    if (call->count != subcommands[i].count)
        return wrong_call(call, err, "dmca %s takes %s.", subcommands[i].name, subcommands[i].arguments);
    enum status status = open_desk(&desk, err);
    if (!status) status = subcommands[i].run(call, &desk, err);
    job_store_free(desk.store);
    settings_release(&desk.settings);
    return status;
}
