/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/routes/openapi.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/cell_state.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/set/set_excuses.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/router.h"
#include "services/gateway/routes/openapi.json.h"

/* The parameters in the paths of routes.def. */
static const struct {
    const char *name;
    const char *schema;
    const char *meaning;
} path_parameters[] = {
    {"id", "JobId", "A job's id."},
    {"name", "PackageName", "A package's name."},
    {"version", "Version", "A version of it."},
    {"set", "PackageSetVersion", "The version of a package set, or `latest`."},
    {"other", "PackageSetVersion", "The version of another package set, or `latest`."},
};

/* The schemas that are enumerations, with their words. */
static const char *const error_codes[] = {
#define STATUS(name, http, code) code,
    STATUS_TABLE(STATUS)
#undef STATUS
        NULL};
static const char *const matrix_purposes[] = {
#define MATRIX_PURPOSE(name, text, priority, is_trial) text,
#include "lib/domain/job/job_kinds.def"
    NULL};
static const char *const cell_states[] = {
#define CELL_STATE(name, text, meaning) text,
    CELL_STATE_TABLE(CELL_STATE)
#undef CELL_STATE
        NULL};
static const char *const verdicts[] = {
#define VERDICT(name, text, stands, meaning) text,
    VERDICT_TABLE(VERDICT)
#undef VERDICT
        NULL};
static const char *const set_parties[] = {
#define SET_PARTY(name, text) text,
    SET_PARTY_TABLE(SET_PARTY)
#undef SET_PARTY
        NULL};
static const struct {
    const char *schema;
    const char *const *words;
} enumerations[] = {
    {"ErrorCode", error_codes + 1}, /* without "ok" */
    {"JobKind", query_kinds + 1},   /* without "all" */
    {"JobState", query_states},
    {"LogLevel", query_levels},
    {"MatrixPurpose", matrix_purposes},
    {"MatrixState", cell_states},
    {"Verdict", verdicts},
    {"PackageSetVerdict", query_set_verdicts},
    {"WhoCanAct", set_parties},
};

/* ---- Small pieces ---- */

static void set_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, json_string(text));
}

/* The object under `key`, which is added if it is missing. */
static json_t *object_in(json_t *object, const char *key) {
    if (!json_object_get(object, key)) json_object_set_new(object, key, json_object());
    return json_object_get(object, key);
}

/* `{"$ref": …}` to a component, which must exist. */
static json_t *reference_to(const json_t *components, const char *group, const char *name) {
    assert(json_object_get(json_object_get(components, group), name));
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", group, name));
}

static json_t *words_as_array(const char *const *words) {
    json_t *array = json_array();
    for (; *words; words++)
        json_array_append_new(array, json_string(*words));
    return array;
}

/* ---- Parameters ---- */

static json_t *parameter(const char *name, const char *place, const char *meaning, json_t *schema) {
    return json_pack("{s:s, s:s, s:s, s:o}", "name", name, "in", place, "description", meaning, "schema", schema);
}

/* The row's initial value as a JSON number, boolean or string. */
static json_t *initial_value(const struct query_parameter *row) {
    if (row->type == QUERY_FLAG) return json_boolean(strcmp(row->initial, "true") == 0);
    if (row->type == QUERY_NUMBER) return json_loads(row->initial, JSON_DECODE_ANY, NULL);
    return json_string(row->initial);
}

static json_t *schema_of(const struct query_parameter *row) {
    json_t *schema = NULL;
    switch (row->type) {
    case QUERY_TEXT:
    case QUERY_HEADER: schema = json_pack("{s:s}", "type", "string"); break;
    case QUERY_TIME: schema = json_pack("{s:s, s:s}", "type", "string", "format", "date-time"); break;
    case QUERY_CURSOR: schema = json_pack("{s:s}", "$ref", "#/components/schemas/LogCursor"); break;
    case QUERY_VERSION: schema = json_pack("{s:s}", "$ref", "#/components/schemas/Version"); break;
    case QUERY_FLAG: schema = json_pack("{s:s}", "type", "boolean"); break;
    case QUERY_NUMBER:
        schema = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)row->least, "maximum",
                           (json_int_t)row->most);
        break;
    case QUERY_CHOICE: schema = json_pack("{s:s, s:o}", "type", "string", "enum", words_as_array(row->words)); break;
    }
    if (row->initial) json_object_set_new(schema, "default", initial_value(row));
    return schema;
}

static json_t *path_parameter(const json_t *components, const char *name, size_t length) {
    size_t count = sizeof path_parameters / sizeof path_parameters[0], i = 0;
    while (i < count && (strlen(path_parameters[i].name) != length || memcmp(path_parameters[i].name, name, length) != 0))
        i++;
    assert(i < count);
    json_t *made = parameter(path_parameters[i].name, "path", path_parameters[i].meaning,
                             reference_to(components, "schemas", path_parameters[i].schema));
    json_object_set_new(made, "required", json_true());
    return made;
}

static json_t *parameters_of(const json_t *components, const struct route *route) {
    json_t *list = json_array();
    for (const char *at = route->path; (at = strchr(at, '{'));) {
        size_t length = strcspn(++at, "}");
        json_array_append_new(list, path_parameter(components, at, length));
    }
    for (const struct query_parameter *row = route->parameters; row->name; row++)
        json_array_append_new(
            list, parameter(row->name, row->type == QUERY_HEADER ? "header" : "query", row->meaning, schema_of(row)));
    return list;
}

/* ---- Answers ---- */

/* Adds a reference to a failure, which openapi.json describes, under its HTTP status. */
static void add_failure(json_t *responses, const json_t *components, enum status status) {
    char key[12];
    snprintf(key, sizeof key, "%d", status_http(status));
    json_object_set_new(responses, key, reference_to(components, "responses", status_code(status)));
}

/* Answers that are not JSON have no schema in openapi.json. */
static json_t *schema_of_answer(const json_t *components, const struct route_answer *answer) {
    if (answer->schema) return reference_to(components, "schemas", answer->schema);
    json_t *schema = json_pack("{s:s}", "description", answer->meaning);
    if (text_starts_with(answer->media_type, "text/")) set_text(schema, "type", "string");
    return schema;
}

/* Adds an answer or a header. The first row of an HTTP status gives its description. */
static void add_answer(json_t *responses, const json_t *components, const struct route_answer *answer) {
    char key[12];
    snprintf(key, sizeof key, "%d", answer->http_status);
    json_t *response = object_in(responses, key);
    if (answer->header) {
        json_object_set_new(object_in(response, "headers"), answer->header,
                            reference_to(components, "headers", answer->header));
        return;
    }
    if (!json_object_get(response, "description")) set_text(response, "description", answer->meaning);
    if (!answer->media_type) return;
    json_t *body = object_in(object_in(response, "content"), answer->media_type);
    json_object_set_new(body, "schema", schema_of_answer(components, answer));
}

static bool has_query(const struct route *route) {
    for (const struct query_parameter *row = route->parameters; row->name; row++)
        if (row->type != QUERY_HEADER) return true;
    return false;
}

static json_t *responses_of(const json_t *components, const struct route *route) {
    json_t *responses = json_object();
    for (size_t i = 0; i < route->answer_count; i++)
        if (route->answers[i].failure == STATUS_OK) add_answer(responses, components, &route->answers[i]);
    for (size_t i = 0; i < route->answer_count; i++)
        if (route->answers[i].failure != STATUS_OK) add_failure(responses, components, route->answers[i].failure);
    if (has_query(route) || route->body_schema) add_failure(responses, components, STATUS_INVALID);
    if (route->body_schema) {
        add_failure(responses, components, STATUS_TOO_LARGE);
        add_failure(responses, components, STATUS_UNSUPPORTED);
        add_failure(responses, components, STATUS_TOO_MANY);
    }
    json_object_set_new(responses, "default", reference_to(components, "responses", "failure"));
    return responses;
}

/* ---- The document ---- */

static void add_route(json_t *document, const struct route *route) {
    const json_t *components = json_object_get(document, "components");
    json_t *path = object_in(object_in(document, "paths"), route->path);
    json_t *operation = object_in(path, route->method == METHOD_POST ? "post" : "get");
    set_text(operation, "operationId", route->name);
    set_text(operation, "summary", route->description);
    json_t *parameters = parameters_of(components, route);
    if (json_array_size(parameters)) json_object_set(operation, "parameters", parameters);
    json_decref(parameters);
    if (route->body_schema)
        json_object_set_new(operation, "requestBody",
                            json_pack("{s:b, s:{s:{s:o}}}", "required", true, "content", "application/json", "schema",
                                      reference_to(components, "schemas", route->body_schema)));
    if (route->has_token) json_object_set_new(operation, "security", json_pack("[{s:[]}]", "trusteeToken"));
    json_object_set_new(operation, "responses", responses_of(components, route));
}

void openapi_append(struct text *out) {
    json_t *document = NULL;
    struct error err;
    enum status status = json_read(&document, openapi_base, sizeof openapi_base - 1, "openapi.json", &err);
    assert(status == STATUS_OK);
    set_text(json_object_get(document, "info"), "version", REGISTRY_VERSION);
    json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
    for (size_t i = 0; i < sizeof enumerations / sizeof enumerations[0]; i++)
        json_object_set_new(json_object_get(schemas, enumerations[i].schema), "enum", words_as_array(enumerations[i].words));
    size_t count;
    const struct route *routes = router_routes(&count);
    for (size_t i = 0; i < count; i++)
        if ((routes[i].ports & PORT_PUBLIC) && !routes[i].is_page) add_route(document, &routes[i]);
    json_append_value(out, document, 0);
    json_decref(document);
}

void get_openapi(struct call *call) {
    text_append(&call->answer.body, call->gateway->openapi.bytes);
    call->answer.content_type = "application/json";
    call_send(call);
}
