/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 3 of lib/domain/README.md, Publish: which file is the manifest, and the refusals of each of the three formats, word by
 * word. (lib/source and lib/tools have unit tests for the formats; here the messages must reach the package's author.)
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

static struct server *server;

#define PLACE(repo) "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"" repo "\"}, "
#define JSON_HEAD(repo) "{\"name\": \"" repo "\", \"version\": \"1.0.0\", \"license\": \"MIT\", " PLACE("purescript-" repo)
/* A valid purs.json with the further fields `more`, which end with a comma; and one with these dependencies. */
#define JSON(repo, more) JSON_HEAD(repo) more "\"ref\": \"v1.0.0\", \"dependencies\": {}}"
#define JSON_DEPENDENCIES(repo, dependencies) JSON_HEAD(repo) "\"ref\": \"v1.0.0\", \"dependencies\": " dependencies "}"
#define YAML_LOCATION(repo) "    location: {githubOwner: flow, githubRepo: purescript-" repo "}\n"
#define YAML_HEAD(repo, dependencies) "package:\n  name: " repo "\n  dependencies: " dependencies "\n"
#define YAML(repo, dependencies, more)                                                                                         \
    YAML_HEAD(repo, dependencies)                                                                                              \
    "  publish:\n    version: 1.0.0\n    license: MIT\n" more YAML_LOCATION(repo)
#define BOWER(repo, more) "{\"name\": \"purescript-" repo "\"" more "}"

#define PURS_FILE(content) .files = {{"purs.json", content}}
#define SPAGO_FILE(content) .files = {{"purs.json", NULL}, {"spago.yaml", content}}
#define BOWER_FILE(content) .files = {{"purs.json", NULL}, {"bower.json", content}}

#define FIFTY "fifty characters, fifty characters, fifty characte"
#define SIX_TIMES(text) text text text text text text

static const struct refusal refusals[] = {
    /* Which file */
    {.holds = "a_package_needs_a_manifest",
     .package = {"without", "1.0.0", PURS_FILE(NULL)},
     .sentence = "There is no manifest in the repository at v1.0.0: add a spago.yaml with a publish section, or a purs.json."},
    {.holds = "a_manifest_is_looked_for_in_the_subfolder",
     .package = {"beneath", "1.0.0", .files = {{"core/src/A.purs", "module A where\n"}}},
     .request = REFUSAL_REQUEST("beneath", "1.0.0", "v1.0.0",
                                "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-beneath\", "
                                "\"subdir\": \"core\"}"),
     .sentence = "There is no manifest in the folder core at v1.0.0: add a spago.yaml with a publish section, or a purs.json."},
    {.holds = "spago_dhall_alone_is_no_manifest",
     .package = {"dhall", "1.0.0", .files = {{"purs.json", NULL}, {"spago.dhall", "{ name = \"dhall\" }\n"}}},
     .sentence = "Packages with a spago.dhall can no longer be published: add a spago.yaml or a purs.json."},
    {.holds = "a_manifest_may_not_lead_out_of_the_package",
     .package = {"leading", "1.0.0", PURS_FILE(NULL), .script = "ln -s ../purs.json purs.json"},
     .sentence = "The file purs.json is a link, but no file of the repository is at its target."},
    {.holds = "a_manifest_that_is_a_link_leads_to_a_file",
     .package = {"leading-nowhere", "1.0.0", PURS_FILE(NULL), .script = "ln -s gone.json purs.json"},
     .sentence = "The file purs.json is a link, but no file of the repository is at its target."},
    {.holds = "a_manifest_is_a_file",
     .package = {"folder", "1.0.0", PURS_FILE(NULL), .script = "mkdir purs.json && touch purs.json/keep"},
     .sentence = "The file purs.json is not a regular file."},

    /* The request */
    {.holds = "a_manifest_must_have_the_name_asked_for",
     .package = {"renamed", "1.0.0",
                 PURS_FILE("{\"name\": \"another-name\", \"version\": \"1.0.0\", \"license\": \"MIT\", " PLACE(
                     "purescript-renamed") "\"ref\": \"main\", \"dependencies\": {}}")},
     .sentence = "The package is called \"another-name\" in purs.json, but \"renamed\" in the request."},
    {.holds = "a_manifest_must_have_the_version_asked_for",
     .package = {"reversioned", "2.0.0", PURS_FILE(JSON("reversioned", ""))},
     .sentence = "The version is 1.0.0 in purs.json, but 2.0.0 in the request."},
    {.holds = "a_manifest_must_have_the_location_asked_for",
     .package = {"relocated", "1.0.0",
                 PURS_FILE("{\"name\": \"relocated\", \"version\": \"1.0.0\", \"license\": \"MIT\", " PLACE(
                     "purescript-another-place") "\"ref\": \"main\", \"dependencies\": {}}")},
     .sentence = "The location is github.com/flow/purescript-another-place in purs.json, but the package is published from "
                 "github.com/flow/purescript-relocated. Make the two agree."},

    /* purs.json */
    {.holds = "a_purs_json_must_be_json",
     .package = {"unreadable", "1.0.0", PURS_FILE("{\"name\": \"unreadable\",\n")},
     .sentence = "The file purs.json is not valid JSON: string or '}' expected near end of file at line 2, column 0."},
    {.holds = "a_purs_json_must_be_an_object",
     .package = {"listed", "1.0.0", PURS_FILE("[]")},
     .sentence = "In purs.json: A manifest must be an object, but it is an array."},
    {.holds = "a_key_may_not_be_there_twice",
     .package = {"doubled", "1.0.0", PURS_FILE(JSON("doubled", "\"license\": \"ISC\", "))},
     .sentence = "The file purs.json is not valid JSON: duplicate object key near '\"license\"' at line 1, column 140."},
    {.holds = "a_purs_json_needs_every_field",
     .package = {"needy", "1.0.0", PURS_FILE("{\"name\": \"needy\"}")},
     .sentence = "In purs.json, at version: The field \"version\" is missing: it must be a string."},
    {.holds = "a_version_has_three_numbers",
     .package = {"short", "1.0.0", PURS_FILE("{\"name\": \"short\", \"version\": \"1.0\"}")},
     .sentence =
         "In purs.json, at version: \"1.0\" is not a version: it must be three numbers, MAJOR.MINOR.PATCH, as in 1.0.3."},
    {.holds = "a_license_must_be_an_spdx_expression",
     .package = {"unlicensed", "1.0.0",
                 PURS_FILE("{\"name\": \"unlicensed\", \"version\": \"1.0.0\", \"license\": \"My own\", " PLACE(
                     "purescript-unlicensed") "\"ref\": \"main\", \"dependencies\": {}}")},
     .sentence = "In purs.json, at license: \"My\" is not an SPDX license identifier: see https://spdx.org/licenses/."},
    {.holds = "a_deprecated_license_is_refused_with_its_canonical_form",
     .package = {"deprecated", "1.0.0",
                 PURS_FILE("{\"name\": \"deprecated\", \"version\": \"1.0.0\", \"license\": \"MIT OR GPL-3.0\", " PLACE(
                     "purescript-deprecated") "\"ref\": \"main\", \"dependencies\": {}}")},
     .sentence = "In purs.json, at license: The license identifier \"GPL-3.0\" is deprecated: write the license as \"MIT OR "
                 "GPL-3.0-only\"."},
    {.holds = "an_ambiguous_license_is_refused",
     .package = {"ambiguous", "1.0.0",
                 PURS_FILE("{\"name\": \"ambiguous\", \"version\": \"1.0.0\", \"license\": \"GFDL-1.3\", " PLACE(
                     "purescript-ambiguous") "\"ref\": \"main\", \"dependencies\": {}}")},
     .sentence = "In purs.json, at license: The license identifier \"GFDL-1.3\" is deprecated and ambiguous: see "
                 "https://spdx.org/licenses/GFDL-1.3.html for what to write instead."},
    {.holds = "a_location_is_one_of_two",
     .package = {"unplaced", "1.0.0",
                 PURS_FILE("{\"name\": \"unplaced\", \"version\": \"1.0.0\", \"license\": \"MIT\", \"location\": {}}")},
     .sentence = "In purs.json, at location: A location must have either \"githubOwner\" and \"githubRepo\", or \"gitUrl\"."},
    {.holds = "a_description_has_300_characters_at_most",
     .package = {"wordy", "1.0.0", PURS_FILE(JSON("wordy", "\"description\": \"" SIX_TIMES(FIFTY) "!\", "))},
     .sentence =
         "In purs.json, at description: The description has 301 characters, but package managers read no more than 300: "
         "shorten it."},
    {.holds = "owners_are_left_out_where_there_are_none",
     .package = {"unowned", "1.0.0", PURS_FILE(JSON("unowned", "\"owners\": [], "))},
     .sentence = "In purs.json, at owners: The list of owners must not be empty: leave the field out if there are none."},
    {.holds = "an_owner_must_have_a_key_that_is_one",
     .package = {"keyless", "1.0.0",
                 PURS_FILE(JSON("keyless", "\"owners\": [{\"keytype\": \"ssh-ed25519\", \"public\": \"AAAA\"}], "))},
     .sentence =
         "In purs.json, at owners[0].public: The public key is not a key of type \"ssh-ed25519\", as \"keytype\" says."},
    {.holds = "a_list_of_files_is_left_out_where_it_is_empty",
     .package = {"fileless", "1.0.0", PURS_FILE(JSON("fileless", "\"includeFiles\": [], "))},
     .sentence = "In purs.json, at includeFiles: \"includeFiles\" must not be an empty list: leave the field out."},
    {.holds = "a_list_of_files_is_a_list",
     .package = {"filed", "1.0.0", PURS_FILE(JSON("filed", "\"excludeFiles\": \"docs\", "))},
     .sentence = "In purs.json, at excludeFiles: The field \"excludeFiles\" must be an array, but it is a string."},
    {.holds = "dependencies_are_an_object",
     .package = {"listing", "1.0.0", PURS_FILE(JSON_DEPENDENCIES("listing", "[\"ground\"]"))},
     .sentence = "In purs.json, at dependencies: The field \"dependencies\" must be an object, but it is an array."},
    {.holds = "a_range_is_written_with_both_ends",
     .package = {"ranging", "1.0.0", PURS_FILE(JSON_DEPENDENCIES("ranging", "{\"ground\": \"^1.0.0\"}"))},
     .sentence =
         "In purs.json, at dependencies.ground: \"^1.0.0\" is not a range: it must be written as in \">=1.0.0 <2.0.0\"."},
    {.holds = "a_range_goes_up",
     .package = {"downward", "1.0.0", PURS_FILE(JSON_DEPENDENCIES("downward", "{\"ground\": \">=2.0.0 <1.0.0\"}"))},
     .sentence = "In purs.json, at dependencies.ground: \">=2.0.0 <1.0.0\" is not a range: its first version must be lower "
                 "than its second."},
    {.holds = "a_dependency_has_a_package_name",
     .package = {"prefixed", "1.0.0", PURS_FILE(JSON_DEPENDENCIES("prefixed", "{\"purescript-ground\": \">=1.0.0 <2.0.0\"}"))},
     .sentence = "In purs.json, at dependencies: \"purescript-ground\" is not a package name: it must not start with "
                 "\"purescript-\": leave that prefix out."},
    {.holds = "a_package_cannot_depend_on_itself",
     .package = {"selfish", "1.0.0", PURS_FILE(JSON_DEPENDENCIES("selfish", "{\"selfish\": \">=1.0.0 <2.0.0\"}"))},
     .sentence = "In purs.json, at dependencies.selfish: The package \"selfish\" cannot depend on itself."},

    /* spago.yaml */
    {.holds = "a_spago_yaml_must_be_yaml",
     .package = {"unyaml", "1.0.0", SPAGO_FILE("package:\n  name: [\n")},
     .sentence = "The file spago.yaml cannot be read: did not find expected node content at line 3, column 1."},
    {.holds = "a_spago_yaml_of_a_workspace_alone_is_no_manifest",
     .package = {"workspace", "1.0.0", SPAGO_FILE("workspace:\n  packageSet: {registry: 50.0.0}\n")},
     .sentence = "The file spago.yaml has no package, which is required for publishing."},
    {.holds = "a_spago_yaml_needs_its_publish_section",
     .package = {"unpublishable", "1.0.0", SPAGO_FILE(YAML_HEAD("unpublishable", "[]"))},
     .sentence = "The file spago.yaml has no package.publish, which is required for publishing."},
    {.holds = "a_spago_yaml_needs_a_location_to_publish_from",
     .package = {"spaceless", "1.0.0", SPAGO_FILE(YAML_HEAD("spaceless", "[]") "  publish: {version: 1.0.0, license: MIT}\n")},
     .sentence = "The file spago.yaml has no package.publish.location, which is required for publishing."},
    {.holds = "bare_dependencies_and_stars_are_refused_by_name",
     .package = {"bare", "1.0.0", SPAGO_FILE(YAML("bare", "[ground, other: \"*\", good: \">=1.0.0 <2.0.0\", nothing: ]", ""))},
     .sentence = "In spago.yaml, at package.dependencies: These dependencies have no range, which is required for publishing: "
                 "ground, other, nothing. Write them as `name: \">=1.0.0 <2.0.0\"`."},
    {.holds = "a_range_of_spago_is_the_registrys",
     .package = {"caret", "1.0.0", SPAGO_FILE(YAML("caret", "[ground: ^1.0.0]", ""))},
     .sentence = "In spago.yaml, at package.dependencies.ground: \"^1.0.0\" is not a range: it must be written as in \">=1.0.0 "
                 "<2.0.0\"."},
    {.holds = "a_dependency_of_spago_may_not_be_there_twice",
     .package = {"twofold", "1.0.0", SPAGO_FILE(YAML("twofold", "[ground: 1.0.0, ground: 1.0.0]", ""))},
     .sentence = "In spago.yaml, at package.dependencies: The dependency ground is listed twice."},
    {.holds = "the_dependencies_of_a_spago_yaml_are_a_list",
     .package = {"mapping", "1.0.0", SPAGO_FILE(YAML("mapping", "{ground: 1.0.0}", ""))},
     .sentence = "In spago.yaml, at package.dependencies: The dependencies must be a list of `name: RANGE`."},
    {.holds = "each_of_them_has_a_name",
     .package = {"unnamed", "1.0.0", SPAGO_FILE(YAML("unnamed", "[[ground]]", ""))},
     .sentence = "In spago.yaml, at package.dependencies: A dependency must be written as `name: RANGE`, but one is an array."},
    {.holds = "and_a_range_that_is_a_text",
     .package = {"layered", "1.0.0", SPAGO_FILE(YAML("layered", "[ground: {git: here}]", ""))},
     .sentence = "In spago.yaml, at package.dependencies: The dependency ground must have a range, such as \">=1.0.0 <2.0.0\", "
                 "but has an object."},
    {.holds = "a_spago_yaml_has_no_nul_in_it",
     .package = {"null", "1.0.0", SPAGO_FILE("package:\n  name: \"null\\0\"\n")},
     .sentence = "The file spago.yaml cannot be read: a text that is not UTF-8 or has a NUL at line 2, column 9."},
    {.holds = "a_spago_yaml_does_not_grow_while_it_is_read",
     .package = {"growing", "1.0.0", SPAGO_FILE("a: &a [*a]\n")},
     .sentence = "The file spago.yaml cannot be read: too many values, or too deeply nested ones, at line 1, column 4."},
    {.holds = "the_license_of_a_spago_yaml_is_blamed_where_it_stands",
     .package = {"old-license", "1.0.0",
                 SPAGO_FILE(
                     YAML_HEAD("old-license",
                               "[]") "  publish:\n    version: 1.0.0\n    license: GPL-2.0\n" YAML_LOCATION("old-license"))},
     .sentence = "In spago.yaml, at package.publish.license: The license identifier \"GPL-2.0\" is deprecated: write the "
                 "license as \"GPL-2.0-only\"."},
    {.holds = "the_files_of_a_spago_yaml_are_blamed_where_they_stand",
     .package = {"including", "1.0.0", SPAGO_FILE(YAML("including", "[]", "    include: docs\n"))},
     .sentence = "In spago.yaml, at package.publish.include: The field \"includeFiles\" must be an array, but it is a string."},
    {.holds = "the_owners_of_a_spago_yaml_are_blamed_where_they_stand",
     .package = {"owning", "1.0.0", SPAGO_FILE(YAML("owning", "[]", "    owners: [{keytype: ssh-dss, public: AAAA}]\n"))},
     .sentence = "In spago.yaml, at package.publish.owners[0].keytype: \"ssh-dss\" is not a key type that the registry knows: "
                 "use a key of type ssh-ed25519."},

    /* bower.json */
    {.holds = "a_bower_json_must_be_json",
     .package = {"unbower", "1.0.0", BOWER_FILE("name: unbower\n")},
     .sentence = "The file bower.json is not valid JSON: invalid token near 'name' at line 1, column 4."},
    {.holds = "a_byte_order_mark_is_named",
     .package = {"marked", "1.0.0", PURS_FILE("\xEF\xBB\xBF" JSON("marked", ""))},
     .sentence =
         "The file purs.json begins with a byte order mark of UTF-8, which JSON must not have: save it as UTF-8 without "
         "one."},
    {.holds = "a_ref_in_the_manifest_is_the_requests",
     .package =
         {"misreferred", "1.0.0",
          PURS_FILE("{\"name\": \"misreferred\", \"version\": \"1.0.0\", \"license\": \"MIT\", \"location\": {\"githubOwner\": "
                    "\"flow\", \"githubRepo\": \"purescript-misreferred\"}, \"ref\": \"v0.9.0\", \"dependencies\": {}}")},
     .sentence = "The ref is \"v0.9.0\" in purs.json, but \"v1.0.0\" in the request. Make the two agree."},
    {.holds = "a_bower_json_must_be_an_object",
     .package = {"bare-list", "1.0.0", BOWER_FILE("[]")},
     .sentence = "The file bower.json must be an object, but it is an array."},
    {.holds = "a_license_of_bower_is_a_text",
     .package = {"counted", "1.0.0", BOWER_FILE(BOWER("counted", ", \"license\": [1]"))},
     .sentence = "In bower.json, at license: A license must be a string, or an object with a \"type\"."},
    {.holds = "a_range_of_bower_is_a_text",
     .package = {"numbered", "1.0.0",
                 BOWER_FILE(BOWER("numbered", ", \"license\": \"MIT\", \"dependencies\": {\"purescript-ground\": 1}"))},
     .sentence =
         "In bower.json, at dependencies.purescript-ground: The range of the dependency must be a string, but it is a number."},
    {.holds = "a_range_of_bower_contains_a_version",
     .package = {"impossible", "1.0.0",
                 BOWER_FILE(BOWER("impossible", ", \"license\": \"MIT\", \"dependencies\": {\"purescript-ground\": "
                                                "\">=2.0.0 <1.0.0\"}"))},
     .sentence = "In bower.json, at dependencies.purescript-ground: The range \">=2.0.0 <1.0.0\" contains no version."},
    {.holds = "a_bower_json_must_agree_about_the_name",
     .package = {"bowered", "1.0.0", BOWER_FILE(BOWER("another", ", \"license\": \"MIT\""))},
     .sentence = "The package is called \"another\" in bower.json, but \"bowered\" in the request."},
    {.holds = "a_bower_json_needs_a_license",
     .package = {"free", "1.0.0", BOWER_FILE(BOWER("free", ", \"license\": []"))},
     .sentence = "The file bower.json has no license, which is required for publishing."},
    {.holds = "a_license_of_bower_must_be_one",
     .package = {"my-own", "1.0.0", BOWER_FILE(BOWER("my-own", ", \"license\": [\"LICENSE\", \"\"]"))},
     .sentence =
         "In bower.json, at license: None of its entries is a license. \"LICENSE\" is not an SPDX license identifier: see "
         "https://spdx.org/licenses/. \"\" is not an SPDX license expression: it ends where a license should be."},
    {.holds = "a_range_of_bower_needs_an_upper_end",
     .package = {"open", "1.0.0",
                 BOWER_FILE(BOWER("open", ", \"license\": \"MIT\", \"dependencies\": {\"purescript-ground\": \">=1.0.0\"}"))},
     .sentence = "In bower.json, at dependencies.purescript-ground: The range \">=1.0.0\" has no upper bound, which is "
                 "required for publishing: write \"^1.0.0\" or \">=1.0.0 <2.0.0\"."},
    {.holds = "a_range_of_bower_must_be_one",
     .package = {"master", "1.0.0",
                 BOWER_FILE(BOWER("master", ", \"license\": \"MIT\", \"dependencies\": {\"purescript-ground\": \"master\"}"))},
     .sentence = "In bower.json, at dependencies.purescript-ground: \"master\" is not a range of versions, such as \"^1.0.0\" "
                 "or \">=1.0.0 <2.0.0\"."},
    {.holds = "a_dependency_of_bower_may_not_be_there_twice",
     .package = {"with-and-without", "1.0.0",
                 BOWER_FILE(BOWER("with-and-without", ", \"license\": \"MIT\", \"dependencies\": "
                                                      "{\"purescript-ground\": \"^1.0.0\", \"ground\": \"^1.0.0\"}"))},
     .sentence = "In bower.json, at dependencies: The dependency ground is listed twice, with and without \"purescript-\"."},
};

static void start(void) {
    const struct package ground = {"ground", "1.0.0", .pragma = NULL};
    server = server_start(&(struct server_options){.has_git_server = true});
    server_expect_published(server, &ground);
}

/* ---- Accepted manifests ---- */

#define INDEX_LINE(name, version, license, more, dependencies)                                                                 \
    "{\"name\":\"" name "\",\"version\":\"" version "\",\"license\":\"" license "\"," more                                     \
    "\"location\":{\"githubOwner\":\"flow\",\"githubRepo\":\"purescript-" name "\"},\"ref\":\"v" version                       \
    "\",\"dependencies\":" dependencies "}\n"

/* The resulting content of the index. */
static const struct taken {
    struct package package;
    const char *index_path, *line;
} taken[] = {
    /* purs.json takes precedence over unreadable files */
    {.package = {"precedence", "1.0.0", .files = {{"spago.yaml", "- no\n"}, {"bower.json", "no\n"}, {"spago.dhall", "no\n"}}},
     .index_path = "pr/ec/precedence",
     .line = INDEX_LINE("precedence", "1.0.0", "BSD-3-Clause", "", "{}")},
    /* spago.yaml takes precedence over bower.json; an exact version means only that version */
    {.package = {"spago-first", "1.0.0", .dependencies = {{"ground", ">=1.0.0 <1.0.1"}},
                 .files = {{"purs.json", NULL},
                           {"spago.yaml", YAML("spago-first", "[ground: 1.0.0]", "")},
                           {"bower.json", "no\n"}}},
     .index_path = "sp/ag/spago-first",
     .line = INDEX_LINE("spago-first", "1.0.0", "MIT", "", "{\"ground\":\">=1.0.0 <1.0.1\"}")},
    /* bower.json takes precedence over spago.dhall; its version, location and globs are ignored */
    {.package = {"bower-third", "1.0.0", .dependencies = {{"ground", ""}},
                 .files = {{"purs.json", NULL},
                           {"bower.json", BOWER("bower-third", ", \"version\": \"9.9.9\", \"description\": \"Old\", "
                                                               "\"license\": [\"MIT OR ISC\", \"GPL-3.0\"], \"ignore\": "
                                                               "[\"src\"], \"dependencies\": {\"purescript-ground\": "
                                                               "\"^1.0.0\"}, \"devDependencies\": {\"purescript-x\": \"*\"}")},
                           {"spago.dhall", "no\n"}}},
     .index_path = "bo/we/bower-third",
     .line = INDEX_LINE("bower-third", "1.0.0", "(MIT OR ISC) AND GPL-3.0-only", "\"description\":\"Old\",",
                        "{\"ground\":\">=1.0.0 <2.0.0\"}")},
    /* in a list of licenses only valid ones count; entries of another kind are ignored */
    {.package = {"bower-mixed", "1.0.0",
                 BOWER_FILE(BOWER("bower-mixed",
                                  ", \"license\": [\"LICENSE\", \"MIT\", 7, null, \"Apache-2.0 or ISC\", {\"type\": "
                                  "\"GPL-3.0\"}, \"MIT/X11\"]"))},
     .index_path = "bo/we/bower-mixed",
     .line = INDEX_LINE("bower-mixed", "1.0.0", "MIT AND (Apache-2.0 OR ISC) AND GPL-3.0-only", "", "{}")},
    /* a range in npm's form becomes one from the lowest to the highest version */
    {.package = {"ranging-widely", "1.0.0", .dependencies = {{"ground", ""}},
                 BOWER_FILE(BOWER("ranging-widely",
                                  ", \"license\": \"MIT\", \"dependencies\": {\"purescript-ground\": \"=1.0.0 || "
                                  "~1.1 || > 1.2.0 <= 1.9 || 1.x - v1.8.0rc1 || ^1.2.3-beta.1 <1.7\"}"))},
     .index_path = "ra/ng/ranging-widely",
     .line = INDEX_LINE("ranging-widely", "1.0.0", "MIT", "", "{\"ground\":\">=1.0.0 <1.10.0\"}")},
    /* 300 characters are accepted, whatever their number of bytes */
    {.package = {"eloquent", "1.0.0",
                 PURS_FILE(JSON("eloquent",
                                "\"description\": \"" SIX_TIMES("fifty characters, fifty charactérs, fifty ch\xC3\xA4r\xC3\xA4"
                                                                "cte") "\", "))},
     .index_path = "el/oq/eloquent",
     .line = NULL},
};

static void a_manifest_of_each_format_is_taken(void **state) {
    (void)state;
    for (const struct taken *row = taken; row < taken + sizeof taken / sizeof taken[0]; row++) {
        server_expect_published(server, &row->package);
        const char *line = registry_file(server, INDEX_REPO, row->index_path);
        assert_non_null(line);
        if (row->line != NULL) assert_string_equal(line, row->line);
    }
}

static void a_manifest_may_have_a_million_bytes_and_no_more(void **state) {
    (void)state;
    enum { BYTES_MAX = 1000000 };
    static char content[BYTES_MAX + 2];
    const char *json = JSON("large", "");
    memset(content, ' ', BYTES_MAX + 1);
    memcpy(content, json, strlen(json));
    const struct refusal refusal = {.package = {"large", "1.0.0", .files = {{"purs.json", content}}},
                                    .sentence =
                                        "The file purs.json is larger than the 1000000 bytes that a manifest may have."};
    refusal_expect(server, &refusal);
    content[BYTES_MAX] = '\0';
    server_expect_published(server, &refusal.package);
}

/* The line about a job's end in its service's own log. It is written after the job has ended in Redis. */
struct end_line {
    const char *job;
    const char *text;
};

static bool is_written(void *context) {
    struct end_line *line = context;
    line->text =
        shell_output(&server->arena, "grep 'event=job_ended job=%s ' '%s/publish.log' || true", line->job, server->folder);
    return *line->text != '\0';
}

/* The message of a failed job is in that line of the service's own log, and may quote text of the author. */
static void a_license_adds_no_fields_to_the_operators_log(void **state) {
    (void)state;
    const struct package package = {
        "forger", "1.0.0",
        PURS_FILE("{\"name\": \"forger\", \"version\": \"1.0.0\", \"license\": \"MIT\\\" outcome=\\\"succeeded\\\" "
                  "error=\\\"\\\" x=\\\"\\n\", " PLACE("purescript-forger") "\"ref\": \"v1.0.0\", \"dependencies\": {}}")};
    const char *job = server_post_package(server, &package);
    struct end_line line = {.job = job};
    assert_true(wait_until(is_written, &line, PATIENCE_MS));
    const char *lines = line.text;
    assert_ptr_equal(strchr(lines, '\n'), strrchr(lines, '\n'));
    const char *outcome = strstr(lines, " outcome=");
    assert_non_null(outcome);
    assert_true(text_starts_with(outcome, " outcome=failed "));
    assert_null(strstr(outcome + 1, " outcome=\"succeeded\""));
    assert_non_null(strstr(outcome, "MIT"));
}

int main(void) {
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_license_adds_no_fields_to_the_operators_log),
        cmocka_unit_test(a_manifest_of_each_format_is_taken),
        cmocka_unit_test(a_manifest_may_have_a_million_bytes_and_no_more),
    };
    return REFUSALS_RUN(server, start, refusals, others);
}
