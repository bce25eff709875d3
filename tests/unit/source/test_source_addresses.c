/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A public host that sends us to a private place: registry-fetch-source in a network of its own, in which `git.example.org` has
 * a public address and a certificate that is trusted, so that the first step is a good one. Needs root and a kernel that lets
 * it make namespaces; skipped elsewhere.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/cmocka_all.h"
#include "tests/support/git_fixture.h"

static const char tools[] = "command -v ip && command -v openssl && unshare -mn true && "
                            "test -f /etc/ssl/certs/ca-certificates.crt";

/* redirect CASE LOCATION: https://git.example.org/CASE.git leads to LOCATION. */
static const char make_host[] =
    "answer() { mkdir -p $1.git/info; printf \"$2\" >\"$1.git/info/refs?service=git-upload-pack\"; };"
    "redirect() { answer $1 \"HTTP/1.1 302 Found\\r\\nLocation: $2/lib.git/info/refs?service=git-upload-pack\\r\\n\\r\\n\"; };"
    "answer none 'HTTP/1.1 404 Not Found\\r\\n\\r\\n';"
    "redirect loopback https://127.0.0.1;"
    "redirect name https://inside.example.org;"
    "redirect six 'https://[::1]';"
    "redirect metadata https://169.254.169.254;"
    "redirect port https://git.example.org:8443;"
    "redirect plain http://git.example.org;"
    "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=git.example.org"
    " -addext subjectAltName=DNS:git.example.org,DNS:inside.example.org 2>&1;"
    "cat /etc/ssl/certs/ca-certificates.crt cert.pem >trusted.pem;"
    "printf '93.184.216.34 git.example.org\\n127.0.0.1 inside.example.org localhost\\n' >hosts";

/* Prints what the child says about each. */
static const char fetch_all[] =
    "cat >inside <<'END'\n"
    "ip link set lo up; ip addr add 93.184.216.34/32 dev lo\n"
    "mount --bind trusted.pem /etc/ssl/certs/ca-certificates.crt; mount --bind hosts /etc/hosts\n"
    "openssl s_server -accept 443 -cert cert.pem -key key.pem -HTTP -quiet >host.log 2>&1 &\n"
    "until openssl s_client -connect 127.0.0.1:443 </dev/null >client.log 2>&1; do kill -0 $! || exit 1; done\n"
    "for place in none loopback name six metadata port plain; do\n"
    "  mkdir work-$place; echo \"$place: $(echo '{\"url\": \"https://git.example.org/'$place'.git\", \"ref\": \"v1\","
    "\"workFolder\": \"'$PWD/work-$place'\", \"limitBytes\": 100000, \"limitFiles\": 10, \"timeoutMs\": 20000}' |"
    " $PROGRAM)\"\n"
    "done\n"
    "kill $!\n"
    "END\n"
    "PROGRAM=" BUILD_DIR "/bin/registry-fetch-source unshare -mn sh -e inside";

static void assert_said(const char *output, const char *place, const char *part) {
    char begin[40];
    snprintf(begin, sizeof begin, "%s: ", place);
    const char *line = strstr(output, begin);
    const char *end = line ? strchrnul(line, '\n') : NULL;
    const char *found = line ? strstr(line, part) : NULL;
    if (!found || found > end) fail_msg("%s: '%s' is not in:\n%s", place, part, output);
}

static void a_public_host_cannot_lead_to_a_private_place(void **state) {
    (void)state;
    struct git_fixture git;
    git_fixture_make(&git);
    if (geteuid() != 0 || strcmp(git_output(&git, "(%s) >/dev/null 2>&1 && echo yes || echo no", tools), "yes") != 0) {
        print_message("Not root, or no namespaces, ip, openssl or trusted certificates here.\n");
        git_fixture_remove(&git);
        skip();
    }
    git_script(&git, "%s", make_host);
    const char *output = git_output(&git, "%s", fetch_all);
    assert_said(output, "none", "not_found"); /* so it is reached */
    static const char *const places[] = {"loopback", "name", "six", "metadata", "port"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_said(output, places[i], "leads to an address or port that sources may not be fetched from");
    assert_said(output, "plain", "redirects to something else than https");
    git_fixture_remove(&git);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_host_cannot_lead_to_a_private_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
