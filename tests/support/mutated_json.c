/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/mutated_json.h"

#include <stdio.h>

enum { CHANGES_MAX = 3 };

uint32_t mutation_below(struct mutation *mutation, uint32_t limit) {
    mutation->state = mutation->state * 1664525U + 1013904223U;
    return (mutation->state >> 8) % limit;
}

/* Values of all types, most of them wrong in any place. */
static json_t *any_value(struct mutation *mutation) {
    static const char *const texts[] = {"null",
                                        "true",
                                        "false",
                                        "0",
                                        "-1",
                                        "1.5",
                                        "1e300",
                                        "\"\"",
                                        "\"null\"",
                                        "\"1.0.0\"",
                                        "\"v1.0.0\"",
                                        "\"1.0.0 \"",
                                        "\"0.15.15\"",
                                        "\"1.0\"",
                                        "\"01.0.0\"",
                                        "\"2147483648.0.0\"",
                                        "\"a\"",
                                        "\"A\"",
                                        "\"purescript-a\"",
                                        "\"a--b\"",
                                        "\"..\"",
                                        "\"https://a.b/c\"",
                                        "\">=1.0.0 <2.0.0\"",
                                        "\"\\u20ac\\n\"",
                                        "[]",
                                        "[null]",
                                        "[1,[null]]",
                                        "{}",
                                        "{\"a\":null}",
                                        "{\"a\":{\"b\":[null]}}",
                                        "{\"a\":\"1.0.0\"}",
                                        "{\"githubOwner\":\"o\",\"githubRepo\":\"r\",\"subdir\":null}",
                                        "{\"gitUrl\":\"https://a.b/c\",\"subdir\":null}",
                                        "{\"gitUrl\":\"https://a.b/c\",\"subdir\":\"d\"}"};
    uint32_t most = sizeof texts / sizeof texts[0];
    uint32_t at = mutation_below(mutation, 3) == 0 ? 0 : mutation_below(mutation, most);
    return json_loads(texts[at], JSON_DECODE_ANY, NULL);
}

static const char *any_key(struct mutation *mutation) {
    static const char *const keys[] = {"subdir",      "compiler",  "resolutions", "location",    "reason",
                                       "newLocation", "packages",  "more",        "githubOwner", "gitUrl",
                                       "version",     "__proto__", "ref"};
    return keys[mutation_below(mutation, sizeof keys / sizeof keys[0])];
}

static const char *pick_key(struct mutation *mutation, const json_t *object) {
    size_t size = json_object_size(object);
    if (size == 0) return NULL;
    uint32_t skip = mutation_below(mutation, (uint32_t)size);
    void *at = json_object_iter((json_t *)object);
    while (skip-- > 0)
        at = json_object_iter_next((json_t *)object, at);
    return json_object_iter_key(at);
}

static void cut_or_double(struct mutation *mutation, json_t *object, const char *key, const json_t *value) {
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (mutation_below(mutation, 2) && length > 0)
        json_object_set_new(object, key, json_stringn(text, length - 1));
    else
        json_object_set_new(object, key, json_sprintf("%s%s", text, text));
}

/* One change in `object`, or deeper. `key` is copied, because it may be freed with its field. */
static void change(struct mutation *mutation, json_t *object) {
    const char *found = pick_key(mutation, object);
    char key[200];
    snprintf(key, sizeof key, "%s", found ? found : any_key(mutation));
    json_t *value = json_object_get(object, key);
    if (json_is_object(value) && mutation_below(mutation, 2)) {
        change(mutation, value);
        return;
    }
    switch (mutation_below(mutation, 6)) {
    case 0: json_object_set_new(object, key, json_null()); break;
    case 1: json_object_set_new(object, any_key(mutation), json_null()); break;
    case 2: json_object_set_new(object, any_key(mutation), any_value(mutation)); break;
    case 3: json_object_set_new(object, key, any_value(mutation)); break;
    case 4: json_object_del(object, key); break;
    default:
        if (json_is_string(value)) cut_or_double(mutation, object, key, value);
    }
}

json_t *mutation_make(struct mutation *mutation, const json_t *original) {
    json_t *copy = json_deep_copy(original);
    for (uint32_t count = 1 + mutation_below(mutation, CHANGES_MAX); count > 0; count--)
        change(mutation, copy);
    return copy;
}
