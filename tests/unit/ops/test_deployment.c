/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports and files that docker-compose.yml and ops/run make reachable: the former is read as YAML, a part of the latter is run.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/arena.h"
#include "tests/support/shell.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

/* ---- docker-compose.yml ---- */

static yaml_document_t compose;

static yaml_node_t *node(int id) {
    return yaml_document_get_node(&compose, id);
}

static const char *scalar(const yaml_node_t *value) {
    return value && value->type == YAML_SCALAR_NODE ? (const char *)value->data.scalar.value : "";
}

/* The value of a key, also from a merged mapping (`<<`); NULL: none. */
static yaml_node_t *find(yaml_node_t *mapping, const char *key) {
    yaml_node_t *merged = NULL;
    if (!mapping || mapping->type != YAML_MAPPING_NODE) return NULL;
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = scalar(node(pair->key));
        if (strcmp(name, key) == 0) return node(pair->value);
        if (strcmp(name, "<<") == 0) merged = node(pair->value);
    }
    return find(merged, key);
}

static bool lists(yaml_node_t *sequence, const char *wanted) {
    if (!sequence || sequence->type != YAML_SEQUENCE_NODE) return false;
    for (yaml_node_item_t *item = sequence->data.sequence.items.start; item < sequence->data.sequence.items.top; item++)
        if (strstr(scalar(node(*item)), wanted)) return true;
    return false;
}

static void load_compose(void) {
    FILE *file = fopen(SOURCE_DIR "/docker-compose.yml", "r");
    yaml_parser_t parser;
    assert_non_null(file);
    assert_int_equal(yaml_parser_initialize(&parser), 1);
    yaml_parser_set_input_file(&parser, file);
    assert_int_equal(yaml_parser_load(&parser, &compose), 1);
    yaml_parser_delete(&parser);
    fclose(file);
}

static bool has_service(yaml_node_t *services, const char *program) {
    for (yaml_node_pair_t *pair = services->data.mapping.pairs.start; pair < services->data.mapping.pairs.top; pair++)
        if (strcmp(scalar(find(node(pair->value), "command")), program) == 0) return true;
    return false;
}

/* Each program has a container, and all have the addresses of all services. */
static void every_program_is_in_the_compose_file(void **state) {
    (void)state;
    load_compose();
    yaml_node_t *root = yaml_document_get_root_node(&compose), *environment = find(root, "x-environment");
    yaml_node_t *services = find(root, "services");
    assert_non_null(services);
#define PROGRAM(NAME, name, LETTER)                                                                                            \
    if (!has_service(services, "registry-" name)) fail_msg("no service runs registry-%s", name);
#include "lib/base/programs.def"
#define SERVICE(NAME, field, name, LETTER)                                                                                     \
    if (!strstr(scalar(find(environment, #NAME "_ADDRESS")), name)) fail_msg("%s is not told to all", #NAME "_ADDRESS");
#include "lib/base/programs.def"
    yaml_document_delete(&compose);
}

/* Build workers run strangers' code: their network has only the containers that they need, and no port for operators. */
static void the_workers_network_has_no_management_port(void **state) {
    (void)state;
    load_compose();
    yaml_node_t *services = find(yaml_document_get_root_node(&compose), "services");
    assert_non_null(services);
    size_t gateways = 0, in_network = 0;
    for (yaml_node_pair_t *pair = services->data.mapping.pairs.start; pair < services->data.mapping.pairs.top; pair++) {
        const char *name = scalar(node(pair->key));
        yaml_node_t *service = node(pair->value), *environment = find(service, "environment");
        bool is_gateway = strcmp(scalar(find(service, "command")), "registry-gateway") == 0;
        gateways += is_gateway;
        if (!lists(find(service, "networks"), "workers")) continue;
        in_network++;
        const char *management = scalar(find(environment, "MANAGEMENT_ADDRESS"));
        if (is_gateway && *management && strcmp(management, "127.0.0.1") != 0)
            fail_msg("%s answers on its management port in the workers' network (%s)", name, management);
        bool may_be_there = is_gateway || strcmp(name, "build-matrix") == 0 || strcmp(name, "build-worker") == 0;
        if (!may_be_there) fail_msg("%s is in the workers' network", name);
        if (strcmp(name, "build-worker") == 0) {
            assert_null(find(environment, "REDIS_URL"));
            assert_null(find(environment, "SERVICE_KEY"));
        }
    }
    assert_int_equal(gateways, 2);
    assert_int_equal(in_network, 3);
    /* The server that workers download from is in their network. */
    const char *downloads = scalar(find(find(find(services, "build-matrix"), "environment"), "BUILD_DOWNLOAD_URL"));
    assert_non_null(strstr(downloads, "http://downloads:9000"));
    assert_true(lists(find(find(services, "downloads"), "networks"), "workers"));
    yaml_document_delete(&compose);
}

/* ---- ops/run ---- */

static void private_sources_are_allowed_only_while_they_are_local_folders(void **state) {
    (void)state;
    static const struct {
        const char *given, *expected;
    } rows[] = {
        {"", "file:///x/sources true"},
        {"GITHUB_GIT_URL=file:///elsewhere", "file:///elsewhere true"},
        {"GITHUB_GIT_URL=https://github.com", "https://github.com false"},
        {"GITHUB_GIT_URL=http://mirror.example.org", "http://mirror.example.org false"},
        {"SOURCE_ALLOW_PRIVATE=false", "file:///x/sources false"},
        {"GITHUB_GIT_URL=https://git.example.org SOURCE_ALLOW_PRIVATE=true", "https://git.example.org true"},
    };
    assert_string_equal(
        shell_output(&arena, "grep -c '^\\. \"$here/ops/local-sources\" \"$open/sources\"$' " SOURCE_DIR "/ops/run"), "1\n");
    assert_string_equal(shell_output(&arena, "grep -c SOURCE_ALLOW_PRIVATE " SOURCE_DIR "/ops/run || true"), "0\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *output =
            shell_output(&arena,
                         "env -u GITHUB_GIT_URL -u SOURCE_ALLOW_PRIVATE %s bash -euc '. " SOURCE_DIR
                         "/ops/local-sources /x/sources; env' | grep -E '^(GITHUB_GIT_URL|SOURCE_ALLOW_PRIVATE)=' | "
                         "sort | cut -d= -f2 | tr '\\n' ' '",
                         rows[i].given);
        assert_string_equal(output, arena_format(&arena, "%s ", rows[i].expected));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_program_is_in_the_compose_file),
        cmocka_unit_test(the_workers_network_has_no_management_port),
        cmocka_unit_test(private_sources_are_allowed_only_while_they_are_local_folders),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
