/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /docs: documentation for people, of docs.def.
 */
#include "lib/base/text.h"
#include "ops/github/publish.yml.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"
#include "services/gateway/web/prose.h"

enum block_kind { BLOCK_CHAPTER, BLOCK_SECTION, BLOCK_PARAGRAPH, BLOCK_ITEM, BLOCK_COMMAND, BLOCK_FILE };

static const struct block {
    enum block_kind kind;
    const char *id; /* of a heading; of a file its name */
    const char *text;
} blocks[] = {
#define CHAPTER(id, heading) {BLOCK_CHAPTER, id, heading},
#define SECTION(id, heading) {BLOCK_SECTION, id, heading},
#define PARAGRAPH(text) {BLOCK_PARAGRAPH, NULL, text},
#define ITEM(text) {BLOCK_ITEM, NULL, text},
#define COMMAND(text) {BLOCK_COMMAND, NULL, text},
#define FILE_TEXT(heading, name) {BLOCK_FILE, heading, name},
#include "services/gateway/web/docs.def"
#undef CHAPTER
#undef SECTION
#undef PARAGRAPH
#undef ITEM
#undef COMMAND
#undef FILE_TEXT
};

enum { BLOCK_COUNT = sizeof blocks / sizeof *blocks };

static void write_heading(struct html *html, const struct block *block) {
    html_begin(html, block->kind == BLOCK_CHAPTER ? "h2" : "h3");
    html_attribute(html, "id", block->id);
    html_text(html, block->text);
    html_end(html);
}

static void write_prose(struct html *html, const char *element, const char *text) {
    html_begin(html, element);
    prose_write(html, text);
    html_end(html);
}

/* The list that begins at `first`. Returns the position after it. */
static size_t write_items(struct html *html, size_t first) {
    html_begin(html, "ul");
    for (; first < BLOCK_COUNT && blocks[first].kind == BLOCK_ITEM; first++)
        write_prose(html, "li", blocks[first].text);
    html_end(html);
    return first;
}

static void write_file(struct html *html, const struct block *block) {
    html_begin(html, "details");
    html_element(html, "summary", NULL, block->id);
    part_command(html, block->text);
    html_end(html);
}

static void write_block(struct html *html, const struct block *block) {
    switch (block->kind) {
    case BLOCK_CHAPTER:
    case BLOCK_SECTION: write_heading(html, block); break;
    case BLOCK_COMMAND: part_command(html, block->text); break;
    case BLOCK_FILE: write_file(html, block); break;
    default: write_prose(html, "p", block->text); break;
    }
}

static void write_contents(struct html *html) {
    html_begin(html, "nav");
    html_attribute(html, "class", "contents");
    html_attribute(html, "aria-label", "Contents");
    html_begin(html, "ul");
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        if (blocks[i].kind != BLOCK_CHAPTER) continue;
        html_begin(html, "li");
        part_link(html, blocks[i].text, "#%s", blocks[i].id);
        html_end(html);
    }
    html_begin(html, "li");
    html_link(html, "/docs/api", "The API");
    html_end(html);
    html_end(html);
    html_end(html);
}

void get_docs_page(struct call *call) {
    struct text page = {0};
    struct html html = {.out = &page};
    page_begin(&html, "Documentation", "/docs");
    write_contents(&html);
    for (size_t i = 0; i < BLOCK_COUNT;) {
        if (blocks[i].kind == BLOCK_ITEM)
            i = write_items(&html, i);
        else
            write_block(&html, &blocks[i++]);
    }
    page_end(&html);
    page_send(call, &page);
    text_release(&page);
}
