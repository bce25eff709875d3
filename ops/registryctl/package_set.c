/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The command `package-set`. With --request it asks for an update of the package set (services/gateway/README.md): by anybody,
 * with pacchettibotti's signature (--key), or as a trustee's action (--actor). Its questions: excuses.c, set_plans.c.
 */
#include <string.h>

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/package_set.h"
#include "ops/registryctl/requests.h"

/* ---- --request ---- */

static bool is_by_trustee(const struct invocation *call) {
    return take_option(call, "actor") || take_option(call, "issue") || take_option(call, "reason") ||
           take_option(call, "token-file");
}

/* Writes an argument, NAME@VERSION. */
static enum status write_version(struct json_writer *writer, struct invocation *call, const char *argument, struct error *err) {
    const char *at = strchr(argument, '@');
    if (!at) return wrong_call(call, err, "\"%s\" must be NAME@VERSION; a package is removed by --remove NAME.", argument);
    json_writer_text_field(writer, arena_copy_bytes(&call->arena, argument, (size_t)(at - argument)), at + 1);
    return STATUS_OK;
}

/* Writes `"packages": {NAME: VERSION or null}`. A package that is given twice is left to the gateway. */
static enum status write_changes(struct json_writer *writer, struct invocation *call, struct error *err) {
    enum status status = STATUS_OK;
    json_writer_key(writer, "packages");
    json_writer_open(writer, '{');
    for (int i = 0; i < call->count && !status; i++)
        status = write_version(writer, call, call->arguments[i], err);
    const char *removed;
    for (int position = 0; (removed = take_next_option(call, "remove", &position));) {
        json_writer_key(writer, removed);
        json_writer_null(writer);
    }
    json_writer_close(writer, '}');
    return status;
}

static enum status write_payload(struct text *out, struct invocation *call, struct error *err) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "compiler", take_option(call, "compiler"));
    enum status status = write_changes(&writer, call, err);
    if (take_option(call, "key"))
        request_close_payload(&writer);
    else
        json_writer_close(&writer, '}');
    return status;
}

static enum status ask_for_update(struct invocation *call, struct error *err) {
    const char *key_file = take_option(call, "key");
    if (call->count == 0 && !take_option(call, "remove") && !take_option(call, "compiler"))
        return wrong_call(call, err, "--request needs a NAME@VERSION, --remove or --compiler.");
    if (key_file && is_by_trustee(call))
        return wrong_call(call, err, "A request is signed with --key, or a trustee's with --actor, but not both.");
    struct text payload = {0};
    enum status status = write_payload(&payload, call, err);
    if (!status && is_by_trustee(call))
        status = request_send_action(call, "package-set", text_view(&payload), err);
    else if (!status)
        status = request_send_payload(call, "/api/v1/package-sets", key_file, &payload, err);
    text_release(&payload);
    return status;
}

/* ---- The command ---- */

enum status command_package_set(struct invocation *call, struct error *err) {
    const char *change = take_option(call, "propose");
    bool requests = take_flag(call, "request"), excuses = take_flag(call, "excuses"), dry_run = take_flag(call, "dry-run");
    if (requests + excuses + dry_run + (change != NULL) != 1)
        return wrong_call(call, err, "One of --request, --excuses, --dry-run and --propose is required.");
    if (requests) return ask_for_update(call, err);
    if (excuses) return package_set_excuses(call, err);
    return dry_run ? package_set_dry_run(call, err) : package_set_propose(call, change, err);
}
