/* A plugin with one node that does not do what it should. Which fault it has is chosen when it is compiled. The layout
   is that of plugin-api/src/abi.rs. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct { const char *ptr; size_t len; } Text;
typedef struct { Text spec; void *(*run)(const void *run, const void *inputs, void **outputs); } NodeEntry;
typedef struct { size_t size; struct { const NodeEntry *ptr; size_t len; } nodes; Text architectures; } Entries;
typedef struct {
    uint64_t magic;
    uint32_t major, needs_minor;
    size_t size;
    Text id, version;
    const Entries *(*init)(const void *host);
} Plugin;

#define TEXT(text) { text, sizeof(text) - 1 }

#ifndef MAGIC
#define MAGIC 0x67756c7074666577 /* "weftplug" */
#endif
#ifndef MAJOR
#define MAJOR 0
#endif
#ifndef MINOR
#define MINOR 3
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef ID
#define ID "broken"
#endif
#ifndef SPEC
#define SPEC "(name:\"Node\",inputs:[],outputs:[],sink:true)"
#endif
#ifndef RUN
#define RUN
#endif
#ifndef INIT
#define INIT
#endif
#ifndef SYMBOL
#define SYMBOL weft_plugin
#endif

static void *run(const void *run, const void *inputs, void **outputs) {
    (void)run, (void)inputs, (void)outputs;
    RUN;
    return NULL;
}

static const NodeEntry nodes[] = { { TEXT(SPEC), run } };
static const Entries entries = { sizeof(Entries), { nodes, 1 }, { (const char *)nodes, 0 } };

static const Entries *init(const void *host) {
    (void)host;
    INIT;
    return &entries;
}

const Plugin SYMBOL = { MAGIC, MAJOR, MINOR, sizeof(Plugin), TEXT(ID), TEXT(VERSION), init };
