/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A stand-in for licensee, the program that recognises license texts. It knows the answer for a folder with nothing but the
 * license that package_source.c gives each package, which saves half a second of Ruby for every server of every test. For any
 * other call it execs the real licensee.
 *
 * Limits: the answer is that of licensee 9.15.2. tests/unit/support/test_licensee.c compares it with the installed version's.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/package_source.h"

static const char answer[] =
    "{\"licenses\":[{\"key\":\"other\",\"spdx_id\":\"NOASSERTION\",\"meta\":{\"title\":null,\"source\":null,\"description\":"
    "null,"
    "\"how\":null,\"using\":null,\"featured\":false,\"hidden\":true,\"nickname\":null,\"note\":null},\"url\":"
    "\"http://choosealicense.com/licenses/other/\",\"rules\":{\"permissions\":[],\"conditions\":[],\"limitations\":[]},"
    "\"fields\":[],\"other\":true,\"gpl\":false,\"lgpl\":false,\"cc\":false}],\"matched_files\":[{\"filename\":\"LICENSE\","
    "\"content\":\"BSD 3-Clause\\n\",\"content_hash\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\",\"content_normalized\":\"\","
    "\"matcher\":null,\"matched_license\":\"NOASSERTION\",\"attribution\":null}]}";

static const char *const known_call[] = {"detect", "--json", "--no-packages", "--no-readme", "."};

static bool is_known_call(int count, char **arguments) {
    int known = sizeof known_call / sizeof known_call[0];
    if (count != known + 1) return false;
    for (int i = 0; i < known; i++)
        if (strcmp(arguments[i + 1], known_call[i]) != 0) return false;
    return true;
}

/* The folder that it runs in has the file LICENSE and no other. */
static bool has_license_alone(void) {
    bool is_there = false, is_alone = true;
    DIR *folder = opendir(".");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, "LICENSE") == 0)
            is_there = true;
        else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            is_alone = false;
    }
    if (folder) closedir(folder);
    return is_there && is_alone;
}

static bool has_known_text(void) {
    char text[sizeof PACKAGE_LICENSE_TEXT + 1];
    FILE *file = fopen("LICENSE", "r");
    if (!file) return false;
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    return length == strlen(PACKAGE_LICENSE_TEXT) && memcmp(text, PACKAGE_LICENSE_TEXT, length) == 0;
}

int main(int count, char **arguments) {
    if (is_known_call(count, arguments) && has_license_alone() && has_known_text()) return puts(answer) < 0;
    execv("/usr/bin/licensee", arguments);
    perror("/usr/bin/licensee");
    return 127;
}
