/* Nodes that do nothing, to measure what the engine itself costs: Start gives a number, Pass hands it on, End takes it.

   cc -shared -fPIC -O2 -I ../plugin-api/include -o libtrivial_nodes.so trivial_nodes.c */

#include "plugin_api.h"

static const WeftHost *host;

static WeftError *start(void *payload, const WeftRun *run, const WeftValue *inputs, WeftValue **outputs) {
    WeftValue *number = host->value_int(1);
    WeftValue *empty = host->value_record();
    (void)payload, (void)run, (void)inputs;
    *outputs = host->record_with(empty, weft_text("value"), number);
    host->value_free(empty);
    host->value_free(number);
    return NULL;
}

/* The record of inputs is the record of outputs. */
static WeftError *pass(void *payload, const WeftRun *run, const WeftValue *inputs, WeftValue **outputs) {
    (void)payload, (void)run;
    *outputs = host->value_clone(inputs);
    return NULL;
}

static WeftError *end(void *payload, const WeftRun *run, const WeftValue *inputs, WeftValue **outputs) {
    (void)payload, (void)run, (void)inputs;
    *outputs = host->value_record();
    return NULL;
}

#define INPUTS " inputs: [(name: \"value\", kind: Link(\"INT\"), required: true)],"
#define OUTPUTS " outputs: [(name: \"value\", kind: \"INT\")]"

static const WeftNodeEntry entries_of[] = {
    { sizeof(WeftNodeEntry), WEFT_TEXT("(name: \"Start\"," OUTPUTS ")"), NULL, start },
    { sizeof(WeftNodeEntry), WEFT_TEXT("(name: \"Pass\"," INPUTS OUTPUTS ")"), NULL, pass },
    { sizeof(WeftNodeEntry), WEFT_TEXT("(name: \"End\"," INPUTS " sink: true)"), NULL, end },
};
static const WeftNodeEntry *const nodes[] = { &entries_of[0], &entries_of[1], &entries_of[2] };
static const WeftEntries entries = { sizeof(WeftEntries), { nodes, 3 }, { NULL, 0 } };

static WeftError *init(const WeftHost *table, const WeftEntries **out) {
    host = table;
    *out = &entries;
    return NULL;
}

const WeftPlugin weft_plugin = {
    WEFT_MAGIC, WEFT_MAJOR, 0, sizeof(WeftPlugin), WEFT_TEXT("trivial"), WEFT_TEXT("1.0.0"), init,
};
