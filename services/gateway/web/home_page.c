/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /: what the registry is, and how to publish.
 */
#include "lib/base/text.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

void get_home_page(struct call *call) {
    struct text page = {0};
    struct html html = {.out = &page};
    page_begin(&html, "The PureScript registry", NULL);
    html_element(
        &html, "p", NULL,
        "Libraries of the PureScript language are published here, and spago finds them here. A published version never "
        "changes; each is built with every compiler that it allows.");
    part_package_search(&html, NULL, "");
    page_load_script(&html, "package_search.js");
    html_begin(&html, "p");
    html_link(&html, "/packages", "All packages");
    html_end(&html);
    html_element(&html, "h2", NULL, "Publish a package");
    html_element(&html, "p", NULL,
                 "Push a tag with the version to the repository, then run spago in it. It prints the log until the package is "
                 "published, or why it was not.");
    part_command(&html, "git tag v1.0.0\ngit push origin v1.0.0\nspago publish");
    html_element(&html, "p", NULL,
                 "The same without spago. The answer has the job's id: /logs/ID has its log, and /status/ID its state.");
    part_command(
        &html,
        "curl --json '{\"name\": \"my-package\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.15.15\",\n"
        "  \"location\": {\"githubOwner\": \"me\", \"githubRepo\": \"purescript-my-package\"}}' \\\n"
        "  https://HOST/api/v1/publish");
    page_end(&html);
    page_send(call, &page);
    text_release(&page);
}
