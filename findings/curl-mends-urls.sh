#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# libcurl 7.88.1-10+deb12u15 (Debian 12): its URL parser (CURLU) accepts malformed URLs and repairs them without telling the
# caller, even with CURLU_PATH_AS_IS.
#
# Each URL below is given to curl_url_set() with CURLU_NON_SUPPORT_SCHEME, CURLU_PATH_AS_IS and CURLU_NO_AUTHORITY, then read
# back as a whole and by its host. Schemes become lower case, one to three slashes are accepted, an empty port and an empty
# fragment vanish, and so do zeros before a port; short and octal forms of an IPv4 address become the usual one, an escaped host
# is decoded, and `unix:///run/x` has the host `run`. A host `*` and a slash in a password are refused.
#
# Output seen: at the end of this file.
#
# Why it matters: a program that checks a URL by CURLU's parts (a list of allowed hosts, "no port", "https alone"), and then
# stores, shows or compares the original text, has checked another URL than the given one: two spellings of one repository count
# as two places, and a text that other parsers refuse is published. This server judges URLs as they are written, and uses CURLU
# only to learn where curl itself will connect (lib/base/url.h).
#
# Fails if the behaviour has changed.
set -eu
for package in libcurl4-openssl-dev gcc; do
  dpkg-query -W "$package" >/dev/null 2>&1 || missing="${missing-} $package"
done
# shellcheck disable=SC2086 # a list of words
[ -z "${missing-}" ] || apt-get install -qq -y --no-install-recommends $missing >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/look.c" <<'C'
#include <curl/curl.h>
#include <stdio.h>

int main(void) {
    static const char *const urls[] = {"HTTPS://h/x",      "https:/h/x",      "https:///h/x",     "https://h:/x",
                                       "https://h:0080/x", "https://127.1/x", "https://0177.1/x", "https://%41b/x",
                                       "https://h/x#",     "unix:///run/x",   "tcp://*:1",        "redis://:a/b@h:1"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        CURLU *url = curl_url();
        char *whole = NULL, *host = NULL;
        CURLUcode code = curl_url_set(url, CURLUPART_URL, urls[i],
                                      CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS | CURLU_NO_AUTHORITY);
        if (!code) curl_url_get(url, CURLUPART_URL, &whole, 0);
        if (!code) curl_url_get(url, CURLUPART_HOST, &host, 0);
        if (code)
            printf("%-18s refused\n", urls[i]);
        else
            printf("%-18s %s, host %s\n", urls[i], whole, host);
        curl_free(whole);
        curl_free(host);
        curl_url_cleanup(url);
    }
    return 0;
}
C
gcc -o "$folder/look" "$folder/look.c" -lcurl
"$folder/look" | tee "$folder/output"
diff "$folder/output" - <<'END'
HTTPS://h/x        https://h/x, host h
https:/h/x         https://h/x, host h
https:///h/x       https://h/x, host h
https://h:/x       https://h/x, host h
https://h:0080/x   https://h:80/x, host h
https://127.1/x    https://127.0.0.1/x, host 127.0.0.1
https://0177.1/x   https://127.0.0.1/x, host 127.0.0.1
https://%41b/x     https://Ab/x, host Ab
https://h/x#       https://h/x, host h
unix:///run/x      unix://run/x, host run
tcp://*:1          refused
redis://:a/b@h:1   refused
END
