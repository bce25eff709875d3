/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /docs/api: the OpenAPI document (services/gateway/routes/openapi.h) for people.
 */
#include "services/gateway/web/api_page.h"

#include <assert.h>
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/api_schema.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"
#include "services/gateway/web/prose.h"

/* A method of a path. */
struct operation {
    const char *path, *method;
    const json_t *json;
};

/* Calls `write` for each operation of the document. */
static void for_each_operation(struct html *html, const json_t *document,
                               void (*write)(struct html *html, const json_t *document, const struct operation *operation)) {
    const char *path, *method;
    json_t *methods, *operation;
    json_object_foreach(json_object_get(document, "paths"), path, methods) json_object_foreach(methods, method, operation)
        write(html, document, &(struct operation){path, method, operation});
}

static void write_method(struct html *html, const struct operation *operation) {
    char method[8] = "";
    for (size_t i = 0; operation->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)toupper((unsigned char)operation->method[i]);
    html_format(html, "%s %s", method, operation->path);
}

/* ---- Contents ---- */

static void write_operation_in_contents(struct html *html, const json_t *document, const struct operation *operation) {
    (void)document;
    struct text address = {0};
    text_append_format(&address, "#%s", part_text(operation->json, "operationId"));
    html_begin(html, "li");
    html_begin(html, "a");
    html_attribute(html, "href", address.bytes);
    write_method(html, operation);
    html_end(html);
    html_end(html);
    text_release(&address);
}

static void write_contents(struct html *html, const json_t *document) {
    html_begin(html, "nav");
    html_attribute(html, "class", "contents");
    html_attribute(html, "aria-label", "Contents");
    html_begin(html, "ul");
    for_each_operation(html, document, write_operation_in_contents);
    html_begin(html, "li");
    html_link(html, "#shapes", "Shapes of bodies and answers");
    html_end(html);
    html_end(html);
    html_end(html);
}

/* ---- An operation ---- */

static void write_prose_cell(struct html *html, const char *text) {
    html_begin(html, "td");
    prose_write(html, text);
    html_end(html);
}

static void write_parameter(struct html *html, const json_t *parameter) {
    const json_t *schema = json_object_get(parameter, "schema");
    html_begin(html, "tr");
    html_begin(html, "td");
    html_element(html, "code", NULL, part_text(parameter, "name"));
    html_end(html);
    html_element(html, "td", "short", part_text(parameter, "in"));
    html_begin(html, "td");
    api_schema_write_type(html, schema);
    html_end(html);
    write_prose_cell(html, part_text(parameter, "description"));
    html_end(html);
}

static void write_parameters(struct html *html, const json_t *parameters) {
    static const char *const heads[] = {"Parameter", "In", "Type", "Meaning", NULL};
    size_t i;
    json_t *parameter;
    if (json_array_size(parameters) == 0) return;
    part_table_begin(html, heads);
    json_array_foreach(parameters, i, parameter) write_parameter(html, parameter);
    part_table_end(html);
}

/* What `{"$ref": "#/a/b/c"}` refers to, or the object itself. */
static const json_t *resolve(const json_t *document, const json_t *object) {
    const char *reference = json_string_value(json_object_get(object, "$ref"));
    if (!reference) return object;
    const json_t *at = document;
    for (const char *part = reference + strlen("#/"); *part && at;) {
        size_t length = strcspn(part, "/");
        struct text name = {0};
        text_append_bytes(&name, part, length);
        at = json_object_get(at, text_view(&name));
        text_release(&name);
        part += length + (part[length] == '/');
    }
    return at;
}

/* The types of a body, each with its shape. */
static void write_content(struct html *html, const json_t *content) {
    const char *type;
    json_t *body;
    bool is_first = true;
    json_object_foreach((json_t *)content, type, body) {
        const json_t *schema = json_object_get(body, "schema");
        if (!is_first) html_text(html, "; ");
        is_first = false;
        if (strcmp(type, "application/json") == 0)
            api_schema_write_type(html, schema);
        else
            html_format(html, "%s", type);
    }
}

static void write_headers(struct html *html, const json_t *headers) {
    const char *name;
    json_t *header;
    json_object_foreach((json_t *)headers, name, header) {
        html_text(html, " Header ");
        html_element(html, "code", NULL, name);
        html_text(html, ".");
    }
}

static void write_answer(struct html *html, const json_t *document, const char *status, const json_t *answer) {
    answer = resolve(document, answer);
    html_begin(html, "tr");
    part_cell(html, strcmp(status, "default") == 0 ? "other" : status);
    html_begin(html, "td");
    write_content(html, json_object_get(answer, "content"));
    html_end(html);
    html_begin(html, "td");
    prose_write(html, part_text(answer, "description"));
    write_headers(html, json_object_get(answer, "headers"));
    html_end(html);
    html_end(html);
}

static void write_answers(struct html *html, const json_t *document, const json_t *answers) {
    static const char *const heads[] = {"Status", "Body", "Meaning", NULL};
    const char *status;
    json_t *answer;
    part_table_begin(html, heads);
    json_object_foreach((json_t *)answers, status, answer) write_answer(html, document, status, answer);
    part_table_end(html);
}

static void write_operation(struct html *html, const json_t *document, const struct operation *operation) {
    const json_t *body = json_object_get(json_object_get(operation->json, "requestBody"), "content");
    html_begin(html, "h3");
    html_attribute(html, "id", part_text(operation->json, "operationId"));
    write_method(html, operation);
    html_end(html);
    html_begin(html, "p");
    prose_write(html, part_text(operation->json, "summary"));
    html_end(html);
    write_parameters(html, json_object_get(operation->json, "parameters"));
    if (body) {
        html_begin(html, "p");
        html_text(html, "Body: ");
        write_content(html, body);
        if (json_object_get(operation->json, "security"))
            html_text(html, ", with a trustee's token in the header Authorization");
        html_text(html, ".");
        html_end(html);
    }
    write_answers(html, document, json_object_get(operation->json, "responses"));
}

/* ---- The page ---- */

static void write_page(struct html *html, const json_t *document) {
    const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
    const char *name;
    json_t *schema;
    page_begin(html, "The API", "/docs");
    html_begin(html, "p");
    prose_write(html, part_text(json_object_get(document, "info"), "description"));
    html_text(html, " Programs can read the same as ");
    html_link(html, "/api/v1/openapi.json", "an OpenAPI document");
    html_text(html, ".");
    html_end(html);
    write_contents(html, document);
    html_element(html, "h2", NULL, "Addresses");
    for_each_operation(html, document, write_operation);
    html_begin(html, "h2");
    html_attribute(html, "id", "shapes");
    html_text(html, "Shapes of bodies and answers");
    html_end(html);
    json_object_foreach((json_t *)schemas, name, schema) api_schema_write(html, name, schema);
    page_end(html);
}

void api_page_append(struct text *out, const char *openapi) {
    struct html html = {.out = out};
    json_t *document = NULL;
    enum status status = json_read(&document, openapi, strlen(openapi), "The document", NULL);
    assert(status == STATUS_OK);
    write_page(&html, document);
    json_decref(document);
}

void get_api_page(struct call *call) {
    page_send(call, &call->gateway->api_page);
}
