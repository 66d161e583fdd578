/* A plugin with one node that does not do what it should. Which fault it has is chosen when it is compiled. The layout
   is that of plugin-api/src/abi.rs. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct { const char *ptr; size_t len; } Text;
typedef struct {
    size_t size;
    Text spec;
    void *payload;
    void *(*run)(void *payload, const void *run, const void *inputs, void **outputs);
} NodeEntry;
typedef struct { const void *ptr; size_t len; } List;
typedef struct { size_t size; List nodes, architectures; } Entries;
typedef struct {
    uint64_t magic;
    uint32_t major, needs_minor;
    size_t size;
    Text id, version;
    void *(*init)(const void *host, const void **out);
} Plugin;

/* The text, and how long it says that it is. */
#define TEXT(text, len) { text, len }

#ifndef MAGIC
#define MAGIC 0x67756c7074666577 /* "weftplug" */
#endif
#ifndef MAJOR
#define MAJOR 1
#endif
#ifndef MINOR
#define MINOR 0
#endif
#ifndef SIZE
#define SIZE sizeof(Plugin)
#endif
#ifndef ID
#define ID "broken"
#endif
#ifndef ID_LEN
#define ID_LEN sizeof(ID) - 1
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef INIT_FN
#define INIT_FN init
#endif
#ifndef ENTRIES_SIZE
#define ENTRIES_SIZE sizeof(Entries)
#endif
#ifndef NODES
#define NODES nodes, 1
#endif
#ifndef ARCHITECTURES
#define ARCHITECTURES NULL, 0
#endif
#ifndef NODE_SIZE
#define NODE_SIZE sizeof(NodeEntry)
#endif
#ifndef SPEC
#define SPEC "(name:\"Node\",inputs:[],outputs:[],sink:true)"
#endif
#ifndef SPEC_LEN
#define SPEC_LEN sizeof(SPEC) - 1
#endif
#ifndef RUN_FN
#define RUN_FN run
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

static const char no_utf8[] = "a\xff\xfe";
static const char control[] = "a\033[2Jb";
static const void *const null_nodes[] = { NULL };

static void *run(void *payload, const void *run, const void *inputs, void **outputs) {
    (void)payload, (void)run, (void)inputs, (void)outputs;
    RUN;
    return NULL;
}

static const NodeEntry node = { NODE_SIZE, TEXT(SPEC, SPEC_LEN), NULL, RUN_FN };
static const NodeEntry *const nodes[] = { &node, &node };
static const Entries entries = { ENTRIES_SIZE, { NODES }, { ARCHITECTURES } };

static void *init(const void *host, const void **out) {
    (void)host, (void)no_utf8, (void)control, (void)null_nodes;
    *out = &entries;
    INIT;
    return NULL;
}

const Plugin SYMBOL = { MAGIC, MAJOR, MINOR, SIZE, TEXT(ID, ID_LEN), TEXT(VERSION, sizeof(VERSION) - 1), INIT_FN };
