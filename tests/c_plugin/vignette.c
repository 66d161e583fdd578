/* A plugin in C: one node that darkens the corners of a picture. It needs the header and a C compiler, nothing else:

   cc -shared -fPIC -O2 -I plugin-api/include -o libvignette.so tests/c_plugin/vignette.c */

#include "plugin_api.h"

static const WeftHost *host;

/* Frees what was needed for the result alone. */
static WeftTensor *of(WeftTensor *used, WeftTensor *result) {
    host->tensor_free(used);
    return result;
}

/* The squares of the distances from the middle of an axis, 1 at both ends, in a shape of their own. */
static WeftTensor *squares(int32_t side, const int32_t *shape, size_t rank) {
    const WeftOps *ops = host->ops;
    float middle = (float)(side - 1) / 2;
    WeftInts target = { shape, rank };
    WeftTensor *x = ops->arange(0, (float)side, 1, WEFT_FLOAT32);
    x = of(x, ops->add_scalar(x, -middle));
    x = of(x, ops->multiply_scalar(x, side > 1 ? 1 / middle : 0));
    x = of(x, ops->square(x));
    return of(x, ops->reshape(x, target));
}

/* The picture [n,h,w,3] times 1 - strength * (x^2 + y^2) / 2. It carries the errors of all that it is made of. */
static WeftTensor *darkened(const WeftTensor *image, int32_t height, int32_t width, float strength) {
    const WeftOps *ops = host->ops;
    const int32_t column[] = { height, 1, 1 }, row[] = { width, 1 };
    WeftTensor *y = squares(height, column, 3);
    WeftTensor *x = squares(width, row, 2);
    WeftTensor *shade = of(x, of(y, ops->add(x, y)));
    shade = of(shade, ops->multiply_scalar(shade, -strength / 2));
    shade = of(shade, ops->add_scalar(shade, 1));
    return of(shade, ops->multiply(image, shade));
}

/* A param; the host has seen to it that there is one. */
static float number(const WeftValue *inputs, const char *name) {
    WeftValueView view;
    WeftValue *value = host->record_get(inputs, weft_text(name));
    host->value_view(value, &view);
    host->value_free(value);
    return view.tag == WEFT_TAG_INT ? (float)view.int_ : (float)view.float_;
}

/* A record with one entry. */
static WeftValue *record(const char *name, const WeftTensor *tensor) {
    WeftValue *empty = host->value_record();
    WeftValue *value = host->value_tensor(tensor);
    WeftValue *full = host->record_with(empty, weft_text(name), value);
    host->value_free(value);
    host->value_free(empty);
    return full;
}

static WeftError *run(void *payload, const WeftRun *node, const WeftValue *inputs, WeftValue **outputs) {
    WeftInts shape;
    WeftValue *value = host->record_get(inputs, weft_text("image"));
    WeftTensor *image = host->value_as_tensor(value);
    WeftError *error = host->tensor_shape(image, &shape);
    (void)payload, (void)node;
    host->value_free(value);
    if (!error && shape.len != 4)
        error = host->error_new(WEFT_INVALID, weft_text("a picture has 4 axes"), weft_text(""));
    if (!error) {
        WeftTensor *result = darkened(image, shape.ptr[1], shape.ptr[2], number(inputs, "strength"));
        *outputs = record("image", result);
        host->tensor_free(result);
    }
    host->tensor_free(image);
    return error;
}

static const WeftNodeEntry vignette = {
    sizeof(WeftNodeEntry),
    WEFT_TEXT("(name: \"Vignette\", menu: \"image\", help: \"Darkens the corners of a picture.\","
              " inputs: [(name: \"image\", kind: Link(\"IMAGE\"), required: true, help: \"The picture.\"),"
              "  (name: \"strength\", kind: Float(default: 0.5, range: (0.0, 1.0), step: Some(0.05)),"
              "   help: \"How dark the corners are: 1 is black.\")],"
              " outputs: [(name: \"image\", kind: \"IMAGE\")])"),
    NULL,
    run,
};
static const WeftNodeEntry *const nodes[] = { &vignette };
static const WeftEntries entries = { sizeof(WeftEntries), { nodes, 1 }, { NULL, 0 } };

static WeftError *init(const WeftHost *table, const WeftEntries **out) {
    host = table;
    *out = &entries;
    return NULL;
}

const WeftPlugin weft_plugin = {
    WEFT_MAGIC, WEFT_MAJOR, 0, sizeof(WeftPlugin), WEFT_TEXT("org.example.vignette"), WEFT_TEXT("1.0.0"), init,
};
