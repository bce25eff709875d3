/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl webhook`: adds, lists, removes and tries webhooks, with the package-set service's settings; that service sends
 * events to them.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/settings.h"
#include "lib/domain/package/package_name.h"
#include "lib/store/webhook/webhook_store.h"
#include "lib/tools/http/webhook.h"
#include "ops/registryctl/command.h"

enum { STORE_TIMEOUT_MS = 5000 };

/* What a subcommand works with. */
struct desk {
    struct settings settings;
    struct job_store *store;
};

static enum status add(struct invocation *call, struct desk *desk, struct error *err) {
    const char *events = take_option(call, "events"), *package = take_option(call, "package");
    struct webhook hook = {.url = call->arguments[1],
                           .secret = webhook_make_secret(&call->arena),
                           .events = events ? events : "",
                           .package = package ? package : "",
                           .problem = ""};
    enum status status = webhook_check_url(hook.url, desk->settings.webhook_allow_private, err);
    if (!status) status = webhook_check_events(hook.events, err);
    if (!status && package) status = package_name_check(package, err);
    if (!status) status = webhook_store_add(desk->store, &hook, &call->arena, err);
    if (!status) printf("%s\nsecret, shown only now: %s\n", hook.id, hook.secret);
    return status;
}

static void print_hook(const struct webhook *hook) {
    char time[TIME_TEXT_MAX];
    printf("%s %-7s %s%s%s%s%s\n", hook->id,
           hook->is_paused  ? "paused"
           : hook->failures ? "failing"
                            : "active",
           hook->url, *hook->events ? " --events " : "", hook->events, *hook->package ? " --package " : "", hook->package);
    if (!hook->since_ms) return;
    time_print(hook->since_ms, time);
    printf("    failed %lld times since %s: %s\n", (long long)hook->failures, time, hook->problem);
}

static enum status list(struct invocation *call, struct desk *desk, struct error *err) {
    struct webhook_list hooks;
    enum status status = webhook_store_list(desk->store, &call->arena, &hooks, err);
    for (size_t i = 0; !status && i < hooks.count; i++)
        print_hook(&hooks.items[i]);
    return status;
}

static enum status remove_hook(struct invocation *call, struct desk *desk, struct error *err) {
    return webhook_store_remove(desk->store, call->arguments[1], err);
}

/* Sends a message that is no event. If it arrives, a paused or waiting hook goes on at once. */
static enum status test(struct invocation *call, struct desk *desk, struct error *err) {
    struct webhook hook;
    char id[UUID_TEXT_MAX], time[TIME_TEXT_MAX];
    enum status status = webhook_store_find(desk->store, call->arguments[1], &call->arena, &hook, err);
    if (status) return status;
    hash_random_uuid(id);
    time_print(clock_now_ms(), time);
    const struct webhook_message message = {
        .url = hook.url,
        .secret = hook.secret,
        .id = id,
        .body = arena_format(&call->arena, "{\"type\":\"test\",\"timestamp\":\"%s\",\"data\":{}}", time)};
    status = webhook_send(&message, desk->settings.webhook_allow_private, NULL, err);
    if (status) return status;
    puts("The receiver has taken it.");
    return webhook_store_resume(desk->store, hook.id, err);
}

static const struct {
    const char *name, *arguments;
    int count; /* of arguments, with the name */
    enum status (*run)(struct invocation *call, struct desk *desk, struct error *err);
} subcommands[] = {{"add", "a URL", 2, add},
                   {"list", "no arguments", 1, list},
                   {"remove", "an ID", 2, remove_hook},
                   {"test", "an ID", 2, test}};

enum status command_webhook(struct invocation *call, struct error *err) {
    size_t i = 0, count = sizeof subcommands / sizeof *subcommands;
    struct desk desk = {0};
    while (i < count && strcmp(subcommands[i].name, call->arguments[0]) != 0)
        i++;
    if (i == count) return wrong_call(call, err, "\"%s\" is none of add, list, remove and test.", call->arguments[0]);
    if (call->count != subcommands[i].count)
        return wrong_call(call, err, "webhook %s takes %s.", subcommands[i].name, subcommands[i].arguments);
    enum status status = settings_load(&desk.settings, PROGRAM_PACKAGE_SET, err);
    if (!status) status = job_store_create(&desk.store, desk.settings.redis_url, STORE_TIMEOUT_MS, err);
    if (!status) status = subcommands[i].run(call, &desk, err);
    job_store_free(desk.store);
    settings_release(&desk.settings);
    return status;
}
