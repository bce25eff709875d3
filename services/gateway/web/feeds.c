/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /feeds/…: Atom feeds of publications, package sets and closed takedown cases. Publications and package sets are those of
 * the registry's repositories, as build-matrix and package-set answer them, so that entries neither vanish with their jobs nor
 * come twice; an unpublishing is an entry of its own. An entry's id names the thing and its time.
 */
#include <jansson.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/store/takedown/takedown_store.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/origin.h"
#include "services/gateway/routes/registry_query.h"
#include "services/gateway/web/atom.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

enum { ENTRIES = 100 };

/* One request for a feed; in the call's arena. */
struct feed_request {
    const char *site;
    struct page_request headers;
    struct atom_feed feed;
    void (*write)(struct atom *atom, struct atom_feed *feed, const json_t *answer); /* all of it, from the service's answer */
    const char *unavailable;
    struct service_question question;
};

static struct feed_request *new_request(struct call *call, const char *title, const char *path, const char *page) {
    struct feed_request *request = arena_alloc(&call->arena, sizeof *request);
    *request = (struct feed_request){.site = origin_of_site(call),
                                     .headers = page_request_of(call),
                                     .feed = {.title = title, .path = path, .page = page, .updated = ""}};
    call->work_data = request;
    return request;
}

/* ---- From a service's answer ---- */

/* service_question.prepare */
static void make_answer(struct call *call) {
    struct feed_request *request = call->work_data;
    const char *json = request->question.answer.json_answer.json;
    struct text feed = {0};
    struct atom atom = {.html.out = &feed, .site = request->site};
    json_t *answer = NULL;
    if (json_read(&answer, json, strlen(json), "The answer", NULL) == STATUS_OK) request->write(&atom, &request->feed, answer);
    json_decref(answer);
    page_answer_feed(call, &feed, &request->headers);
    text_release(&feed);
}

static void send_answer(struct call *call) {
    const struct feed_request *request = call->work_data;
    if (request->question.status)
        call_fail_with_question(call, &request->question, request->unavailable);
    else
        call_send_made(call);
}

static void ask(struct call *call, struct service_asker *asker, struct feed_request *request, const struct message *message) {
    request->question = (struct service_question){
        .request = *message, .expected = MESSAGE_json_answer, .prepare = make_answer, .go_on = send_answer};
    service_asker_ask(asker, call, &request->question);
}

/* ---- Publications ---- */

static void write_publication(struct atom *atom, const json_t *publication) {
    struct text identity = {0}, title = {0}, page = {0}, text = {0};
    const char *package = part_text(publication, "package"), *version = part_text(publication, "version"),
               *event = part_text(publication, "event"), *time = part_text(publication, "time");
    bool is_gone = strcmp(event, "unpublished") == 0;
    text_append_format(&identity, "%s %s@%s %s", event, package, version, time);
    text_append_format(&title, is_gone ? "%s %s was unpublished" : "%s %s", package, version);
    text_append_format(&page, "/packages/%s", package);
    if (is_gone)
        text_append_format(&text, "The version %s of %s was unpublished: %s", version, package,
                           part_text(publication, "reason"));
    else
        text_append_format(&text, "The version %s of %s was published.", version, package);
    atom_write(atom, &(struct atom_entry){.identity = identity.bytes,
                                          .title = title.bytes,
                                          .time = time,
                                          .page = page.bytes,
                                          .category = event,
                                          .text = text.bytes});
    text_release(&text);
    text_release(&page);
    text_release(&title);
    text_release(&identity);
}

static void write_publications(struct atom *atom, struct atom_feed *feed, const json_t *answer) {
    size_t i;
    json_t *publication;
    const json_t *publications = json_object_get(answer, "publications");
    feed->updated = part_text(json_array_get(publications, 0), "time");
    atom_begin(atom, feed);
    json_array_foreach(publications, i, publication) write_publication(atom, publication);
    atom_end(atom);
}

static void ask_publications(struct call *call, struct feed_request *request, const char *name) {
    request->write = write_publications;
    request->unavailable = "Publications cannot be looked up at the moment: try again in a few seconds.";
    ask(call, call->gateway->matrix_asker, request,
        &(struct message){.tag = MESSAGE_publication_query, .publication_query = {.name = name, .limit = ENTRIES}});
}

void get_publications_feed(struct call *call) {
    struct feed_request *request =
        new_request(call, "PureScript packages that were published", "/feeds/publications.atom", "/packages");
    ask_publications(call, request, NULL);
}

void get_package_feed(struct call *call) {
    const char *name = call->parameters[0];
    if (!registry_query_check_name(call, name)) return;
    struct feed_request *request = new_request(call, arena_format(&call->arena, "Versions of %s", name),
                                               arena_format(&call->arena, "/feeds/packages/%s.atom", name),
                                               arena_format(&call->arena, "/packages/%s", name));
    ask_publications(call, request, name);
}

/* ---- Package sets ---- */

/* Sets have the date of their release alone. */
static void write_set(struct atom *atom, const json_t *set) {
    struct text identity = {0}, title = {0}, page = {0}, time = {0}, text = {0};
    const char *version = part_text(set, "version"), *compiler = part_text(set, "compiler");
    text_append_format(&identity, "package-set %s", version);
    text_append_format(&title, "Package set %s", version);
    text_append_format(&page, "/package-sets/%s", version);
    text_append_format(&time, "%.10sT00:00:00Z", part_text(set, "published"));
    text_append_format(&text, "%lld packages that compile together with the compiler %s.",
                       (long long)json_integer_value(json_object_get(set, "packageCount")), compiler);
    atom_write(
        atom,
        &(struct atom_entry){
            .identity = identity.bytes, .title = title.bytes, .time = time.bytes, .page = page.bytes, .text = text.bytes});
    text_release(&text);
    text_release(&time);
    text_release(&page);
    text_release(&title);
    text_release(&identity);
}

static void write_sets(struct atom *atom, struct atom_feed *feed, const json_t *answer) {
    size_t i;
    json_t *set;
    struct text time = {0};
    const json_t *sets = json_object_get(answer, "packageSets"), *newest = json_array_get(sets, 0);
    if (newest) text_append_format(&time, "%.10sT00:00:00Z", part_text(newest, "published"));
    feed->updated = text_view(&time);
    atom_begin(atom, feed);
    json_array_foreach(sets, i, set) write_set(atom, set);
    atom_end(atom);
    text_release(&time);
}

void get_package_sets_feed(struct call *call) {
    struct feed_request *request = new_request(call, "PureScript package sets", "/feeds/package-sets.atom", "/package-sets");
    request->write = write_sets;
    request->unavailable = "Package sets cannot be looked up at the moment: try again in a few seconds.";
    ask(call, call->gateway->set_asker, request,
        &(struct message){.tag = MESSAGE_set_page_query, .set_page_query = {.limit = ENTRIES}});
}

/* ---- Takedowns ---- */

static void write_takedown(struct atom *atom, const struct takedown *takedown) {
    struct text title = {0}, page = {0};
    char time[TIME_TEXT_MAX];
    time_print(takedown->closed_ms, time);
    text_append_format(&title, "%s, about %s%s%s", takedown->reference, takedown->package, takedown->version ? " " : "",
                       takedown->version ? takedown->version : "");
    text_append_format(&page, "/dmca/%s", takedown->reference);
    atom_write(atom,
               &(struct atom_entry){
                   .identity = page.bytes, .title = title.bytes, .time = time, .page = page.bytes, .text = takedown->decision});
    text_release(&page);
    text_release(&title);
}

/* call.work */
static enum status write_takedowns(struct call *call, struct job_store *store, struct error *err) {
    struct feed_request *request = call->work_data;
    struct takedown_list cases;
    char updated[TIME_TEXT_MAX];
    struct text feed = {0};
    struct atom atom = {.html.out = &feed, .site = request->site};
    enum status status = takedown_store_list(store, true, &call->arena, &cases, err);
    if (status) return status;
    if (cases.count > 0) time_print(cases.items[0].closed_ms, updated);
    request->feed.updated = cases.count > 0 ? updated : "";
    atom_begin(&atom, &request->feed);
    for (size_t i = 0; i < cases.count && i < ENTRIES; i++)
        write_takedown(&atom, &cases.items[i]);
    atom_end(&atom);
    page_answer_feed(call, &feed, &request->headers);
    text_release(&feed);
    return STATUS_OK;
}

void get_takedowns_feed(struct call *call) {
    new_request(call, "Takedowns that were decided", "/feeds/takedowns.atom", "/dmca");
    call_work(call, write_takedowns);
}
