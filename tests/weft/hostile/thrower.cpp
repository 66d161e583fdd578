/* A plugin in C++ out of which exceptions fly. The param `at` says from where, THROW what is thrown. Compiled with IN_INIT it
   throws when it is started, with IN_DETECT when it is asked whether weights are its own. */

#include "plugin_api.h"

#include <cstring>
#include <stdexcept>
#include <thread>

#ifndef THROW
#define THROW std::runtime_error("as the test asks")
#endif

static const WeftHost *host;

static void throw_free(void *) { throw THROW; }
static WeftError *throw_fill(void *, const WeftFolder *) { throw THROW; }
static WeftError *throw_start(void *, const WeftRun *, const WeftValue *, void **) { throw THROW; }
static WeftError *start(void *, const WeftRun *, const WeftValue *, void **) { return nullptr; }
static WeftError *throw_around(void *, void *, const WeftValue *, const WeftValue *, WeftNextFn, void *, WeftValue **) {
    throw THROW;
}
static WeftError *throw_apply(void *, const WeftTensor *, WeftTensor **) { throw THROW; }
static void nothing(void *) {}

static const WeftHookTable hook_start = { sizeof(WeftHookTable), throw_start, throw_around, nothing, nothing };
static const WeftHookTable hook_around = { sizeof(WeftHookTable), start, throw_around, nothing, nothing };
static const WeftPatchTable patch = { sizeof(WeftPatchTable), throw_apply, nothing };

static WeftValue *input(const WeftValue *inputs, const char *name) { return host->record_get(inputs, weft_text(name)); }

/* The model with every weight changed. */
static WeftError *patched(const WeftValue *model, WeftValue **out) {
    WeftWeights *weights = host->model_weights(model);
    WeftTensorView view;
    for (size_t index = 0; host->weights_at(weights, index, &view); index++) {
        WeftWeights *more = nullptr;
        if (WeftError *error = host->weights_with_patch(weights, view.name, &patch, nullptr, &more)) return error;
        host->weights_free(weights);
        weights = more;
    }
    return host->model_with_weights(model, weights, out);
}

static WeftError *run(void *, const WeftRun *run, const WeftValue *inputs, WeftValue **outputs) {
    WeftValueView view;
    host->value_view(input(inputs, "at"), &view);
    auto at = [&view](const char *name) { return weft_text(name).len == view.text.len && !memcmp(view.text.ptr, name, view.text.len); };
    WeftValue *model = input(inputs, "model"), *changed = nullptr;
    WeftError *error = nullptr;
    if (at("run")) throw THROW;
    if (at("free")) host->value_free(host->value_opaque(weft_text("thrower/THING"), nullptr, throw_free));
    if (at("fill")) return host->run_write_folder(run, weft_text("folder"), nullptr, throw_fill, &changed);
    if (at("thread")) std::thread([] { throw THROW; }).join();
    if (at("start")) error = host->model_with_hook(model, weft_text("blocks"), &hook_start, nullptr, &changed);
    if (at("around")) error = host->model_with_hook(model, weft_text("blocks"), &hook_around, nullptr, &changed);
    if (at("apply")) error = patched(model, &changed);
    if (!error) *outputs = host->record_with(host->value_record(), weft_text("model"), changed ? changed : host->value_null());
    return error;
}

static WeftFlag detect(void *, const WeftWeights *) {
#ifdef IN_DETECT
    throw THROW;
#endif
    return 0;
}
static WeftError *build(void *, WeftText, const WeftWeights *, void **) { return nullptr; }
static WeftError *call(void *, const WeftSession *, WeftText, const WeftValue *, WeftValue **) { return nullptr; }

static const WeftNodeEntry node = {
    sizeof(WeftNodeEntry),
    WEFT_TEXT("(name: \"Throw\", inputs: [(name: \"model\", kind: Link(\"MODEL\")), (name: \"at\", kind: Text(default: \"run\"))],"
              " outputs: [(name: \"model\", kind: \"MODEL\")], sink: true)"),
    nullptr,
    run,
};
static const WeftNodeEntry *const nodes[] = { &node };
static const WeftArchitectureEntry network = {
    sizeof(WeftArchitectureEntry), WEFT_TEXT("thrower"), WEFT_TEXT("MODEL"), nullptr, detect, build, call, nothing,
};
static const WeftArchitectureEntry *const networks[] = { &network };
static const WeftEntries entries = { sizeof(WeftEntries), { nodes, 1 }, { networks, 1 } };

static WeftError *init(const WeftHost *table, const WeftEntries **out) {
#ifdef IN_INIT
    throw THROW;
#endif
    host = table;
    *out = &entries;
    return nullptr;
}

const WeftPlugin weft_plugin = {
    WEFT_MAGIC, WEFT_MAJOR, 0, sizeof(WeftPlugin), WEFT_TEXT("thrower"), WEFT_TEXT("1.0.0"), init,
};
