/* The plugin interface of Weft, version 1.1, for C11 and C++. This file is all that a plugin in C needs: it links nothing.

   A plugin is a shared library that exports one constant, weft_plugin. The host reads it before any code of the library
   runs, calls its init once, and from then on the functions that init handed over.

   Versions   1.0 never changes. A minor version adds fields at the end of the structs that begin with their size, and nothing
              else. Put into needs_minor the lowest minor version that has all you use: 0, or the number that a comment "since
              1.N" gives. What you can do without, ask for with WEFT_HAS.
   Ownership  Arguments are borrowed for the call: clone a handle to keep it. Results are yours: free them with the function
              named ..._free, which takes NULL as well. Nowhere else is NULL a handle unless it says so. A payload belongs to
              whoever takes it, also where the call fails, and is freed with the function that came with it. Your tables and
              the constants in them live for ever, for a library is never unloaded.
   Text       UTF-8 with a length and without a zero at its end. Text and shapes that you are given live until the handle
              that they were asked of is freed.
   Errors     A function that returns WeftError * returns NULL where all went well, and only then writes its result. Return
              an error that you were given, or free it. Tensors carry their errors: what is computed from a failed
              tensor has failed too, and it shows where its shape or numbers are asked for.
   Threads    There is one: the host calls you on it, and you call the host on it, from within such a call. Threads of your own
              touch no handle and no table.
   Exceptions None crosses, and no longjmp. */

#ifndef WEFT_PLUGIN_API_H
#define WEFT_PLUGIN_API_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_MAGIC UINT64_C(0x67756c7074666577) /* the bytes "weftplug" */
#define WEFT_MAJOR 1
#define WEFT_MINOR 2 /* what this file describes; not what you need */

/* Handles. What is behind them is the host's. */
typedef struct WeftTensor WeftTensor;   /* a tensor, or the error that took its place */
typedef struct WeftValue WeftValue;     /* anything that travels along a link */
typedef struct WeftWeights WeftWeights; /* named tensors, left in their file until they are used */
typedef struct WeftRun WeftRun;         /* one run of one node, lent for the call */
typedef struct WeftSession WeftSession; /* one use of a model, from the first step to the last */
typedef struct WeftError WeftError;     /* why something failed */
typedef struct WeftFolder WeftFolder;   /* a folder that is being written, lent for the call */

typedef struct { const void *ptr; size_t len; } WeftBytes;
typedef WeftBytes WeftText;                                                 /* UTF-8 */
typedef struct { const int32_t *ptr; size_t len; } WeftInts;                /* shapes and axes, which may be negative */
typedef struct { const WeftTensor *const *ptr; size_t len; } WeftTensors;
typedef struct { const WeftValue *const *ptr; size_t len; } WeftValues;
typedef uint32_t WeftFlag;                                                  /* 0 is false, everything else true */

/* The type of a tensor's numbers. */
enum {
    WEFT_BOOL = 0,
    WEFT_UINT8 = 1,
    WEFT_UINT32 = 2,
    WEFT_INT32 = 3,
    WEFT_INT64 = 4,
    WEFT_FLOAT16 = 5,
    WEFT_BFLOAT16 = 6,
    WEFT_FLOAT32 = 7
};

/* What a value holds. Read a number that you do not know as WEFT_TAG_OPAQUE. */
enum {
    WEFT_TAG_NULL = 0,
    WEFT_TAG_BOOL = 1,
    WEFT_TAG_INT = 2,
    WEFT_TAG_FLOAT = 3,
    WEFT_TAG_TEXT = 4,
    WEFT_TAG_TENSOR = 5,
    WEFT_TAG_LIST = 6,
    WEFT_TAG_RECORD = 7,
    WEFT_TAG_MODEL = 8,
    WEFT_TAG_OPAQUE = 9
};

/* What went wrong: the exit code of weft. Read a number that you do not know as WEFT_FAILED. */
enum {
    WEFT_INTERNAL = 1,   /* a bug */
    WEFT_INVALID = 4,    /* an input or a link is not what the node takes */
    WEFT_PLUGIN = 5,     /* a plugin broke its contract */
    WEFT_FILE = 6,       /* a model, image or tokenizer file is bad */
    WEFT_LIMIT = 7,      /* too large, or not enough memory */
    WEFT_FAILED = 8,     /* the node failed while running */
    WEFT_OUTPUT = 9,     /* output could not be written */
    WEFT_CANCELLED = 130 /* the user stopped the run: pass it on */
};

/* Views: what the host writes for you to read. */

typedef struct {
    uint32_t kind;    /* WEFT_FAILED, ... */
    WeftText message; /* what happened, where and why: one sentence without a full stop */
    WeftText help;    /* one thing to do, or empty */
} WeftErrorView;

typedef struct {
    uint32_t tag;               /* WEFT_TAG_...: which of the fields below count */
    int64_t int_;               /* of a bool (0 or 1) and an int */
    double float_;
    WeftText text;              /* text; the kind of an opaque value; the role of a model */
    size_t len;                 /* items of a list, entries of a record */
    void *payload;              /* of an opaque value */
    void (*free)(void *payload); /* what frees the payload: by this you know your own values */
} WeftValueView;

typedef struct {
    WeftText name;
    uint32_t dtype;  /* once it is read; UINT32_MAX where a model cannot have the type in the file */
    WeftInts shape;
    WeftText stored; /* the type in the file, by its name in safetensors: BF16, F8_E4M3 */
} WeftTensorView;
typedef struct { const WeftTensorView *ptr; size_t len; } WeftTensorViews;

/* A tensor as the rows of another from first_row on, in a shape of its own. */
typedef struct {
    WeftText name;
    WeftText of;
    uint64_t first_row;
    WeftInts shape;
} WeftTensorRows;
typedef struct { const WeftTensorRows *ptr; size_t len; } WeftTensorRowsList;

typedef struct {
    WeftText role; /* MODEL, TEXT_ENCODER, VAE or UPSCALE_MODEL */
    WeftText architecture;
    WeftText config;
} WeftModelView;

/* Functions of yours that are given with a payload, and called only while the call that they are given to goes on. */
typedef WeftError *(*WeftNextFn)(void *payload, const WeftValue *input, WeftValue **out); /* goes on with what a hook wraps */
typedef WeftError *(*WeftFillFn)(void *payload, const WeftFolder *folder);                /* fills the folder */
typedef WeftError *(*WeftTensorFn)(void *payload, size_t index, WeftTensor **out);        /* makes the tensor of this index */

/* Code around a named point of a network: a step cache, a probe. */
typedef struct {
    size_t size; /* sizeof(WeftHookTable) */
    WeftError *(*start)(void *payload, const WeftRun *run, const WeftValue *info, void **state); /* begins a session */
    WeftError *(*around)(void *payload, void *state, const WeftValue *step, const WeftValue *input, WeftNextFn next,
                         void *next_payload, WeftValue **out); /* one pass: call next, or return something else */
    void (*finish)(void *state);                               /* frees the state of a session */
    void (*free)(void *payload);
} WeftHookTable;

/* A change of one tensor, carried out when somebody needs it. */
typedef struct {
    size_t size; /* sizeof(WeftPatchTable) */
    WeftError *(*apply)(void *payload, const WeftTensor *tensor, WeftTensor **out); /* float32 in, the same shape out */
    void (*free)(void *payload);
} WeftPatchTable;

/* A node kind. Its id is the plugin's, a slash and the name, for ever. */
typedef struct {
    size_t size;   /* sizeof(WeftNodeEntry) */
    WeftText spec; /* RON: (name: "Blur", inputs: [(name: "image", kind: Link("IMAGE"), required: true)], outputs: [...]) */
    void *payload; /* given to run, so that one function may serve many nodes; may be NULL */
    WeftError *(*run)(void *payload, const WeftRun *run, const WeftValue *inputs,
                      WeftValue **outputs); /* inputs: a record of every input that has a value; outputs: a record of all */
} WeftNodeEntry;
typedef struct { const WeftNodeEntry *const *ptr; size_t len; } WeftNodes;

/* A network that can be built from weights. */
typedef struct {
    size_t size;   /* sizeof(WeftArchitectureEntry) */
    WeftText id;   /* my-network */
    WeftText role; /* MODEL: predict; TEXT_ENCODER: encode; VAE: decode, encode; UPSCALE_MODEL: upscale, about */
    void *payload; /* given to detect and build; may be NULL */
    WeftFlag (*detect)(void *payload, const WeftWeights *weights); /* whether names and shapes are this network's */
    WeftError *(*build)(void *payload, WeftText config, const WeftWeights *weights, void **net);
    WeftError *(*call)(void *net, const WeftSession *session, WeftText method, const WeftValue *args, WeftValue **out);
    void (*free)(void *net);
} WeftArchitectureEntry;
typedef struct { const WeftArchitectureEntry *const *ptr; size_t len; } WeftArchitectures;

/* What a plugin brings. */
typedef struct {
    size_t size; /* sizeof(WeftEntries) */
    WeftNodes nodes;
    WeftArchitectures architectures;
} WeftEntries;

/* Operations on tensors. Each returns a tensor of yours, which carries the error where there is one. Names and meanings are
   those of mlx.core in Python; shapes broadcast as there. Axes may be negative; in reductions no axes means all. Nothing is
   computed before a number is needed. Numbers that are arguments (float) take the tensor's type. */
typedef struct {
    size_t size;
    WeftTensor *(*add)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*subtract)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*multiply)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*divide)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*power)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*remainder)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*maximum)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*minimum)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*add_scalar)(const WeftTensor *x, float value);
    WeftTensor *(*multiply_scalar)(const WeftTensor *x, float value);
    WeftTensor *(*clip)(const WeftTensor *x, float min, float max);
    WeftTensor *(*negative)(const WeftTensor *x);
    WeftTensor *(*abs)(const WeftTensor *x);
    WeftTensor *(*exp)(const WeftTensor *x);
    WeftTensor *(*log)(const WeftTensor *x);
    WeftTensor *(*sin)(const WeftTensor *x);
    WeftTensor *(*cos)(const WeftTensor *x);
    WeftTensor *(*tanh)(const WeftTensor *x);
    WeftTensor *(*sigmoid)(const WeftTensor *x);
    WeftTensor *(*erf)(const WeftTensor *x);
    WeftTensor *(*sqrt)(const WeftTensor *x);
    WeftTensor *(*rsqrt)(const WeftTensor *x);      /* 1 / sqrt(x) */
    WeftTensor *(*square)(const WeftTensor *x);
    WeftTensor *(*reciprocal)(const WeftTensor *x); /* 1 / x */
    WeftTensor *(*sign)(const WeftTensor *x);
    WeftTensor *(*floor)(const WeftTensor *x);
    WeftTensor *(*ceil)(const WeftTensor *x);
    WeftTensor *(*round)(const WeftTensor *x);      /* halves to the even number */
    WeftTensor *(*is_finite)(const WeftTensor *x);
    WeftTensor *(*silu)(const WeftTensor *x);       /* x * sigmoid(x) */
    WeftTensor *(*silu_multiply)(const WeftTensor *x, const WeftTensor *gate); /* silu(x) * gate */
    WeftTensor *(*gelu)(const WeftTensor *x);       /* exact: x * Phi(x) */
    WeftTensor *(*equal)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*not_equal)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*less)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*less_equal)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*greater)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*greater_equal)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*logical_and)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*logical_or)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*logical_not)(const WeftTensor *x);
    WeftTensor *(*select)(const WeftTensor *x, const WeftTensor *a, const WeftTensor *b); /* where x is true a, else b */
    WeftTensor *(*sum)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*mean)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*variance)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*max)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*min)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*all)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*any)(const WeftTensor *x, WeftInts axes, WeftFlag keep_dims);
    WeftTensor *(*argmax)(const WeftTensor *x, int32_t axis, WeftFlag keep_dims); /* indices */
    WeftTensor *(*argsort)(const WeftTensor *x, int32_t axis);                    /* indices, the smallest number's first */
    WeftTensor *(*cumsum)(const WeftTensor *x, int32_t axis);
    WeftTensor *(*softmax)(const WeftTensor *x, int32_t axis);
    WeftTensor *(*reshape)(const WeftTensor *x, WeftInts shape);                  /* one side may be -1: what is left */
    WeftTensor *(*transpose)(const WeftTensor *x, WeftInts axes);                 /* no axes: in reverse */
    WeftTensor *(*swap_axes)(const WeftTensor *x, int32_t a, int32_t b);
    WeftTensor *(*expand_dims)(const WeftTensor *x, WeftInts axes);
    WeftTensor *(*squeeze)(const WeftTensor *x, WeftInts axes);
    WeftTensor *(*broadcast_to)(const WeftTensor *x, WeftInts shape);
    WeftTensor *(*slice)(const WeftTensor *x, WeftInts start, WeftInts stop, WeftInts stride); /* to before stop */
    WeftTensor *(*take)(const WeftTensor *x, const WeftTensor *indices, int32_t axis);         /* rows of axis, by index */
    WeftTensor *(*repeat)(const WeftTensor *x, int32_t count, int32_t axis);                   /* each row, count times */
    WeftTensor *(*tile)(const WeftTensor *x, WeftInts counts);                                 /* the whole, again and again */
    WeftTensor *(*pad)(const WeftTensor *x, WeftInts low, WeftInts high, float value); /* rows before and behind each axis */
    WeftTensor *(*slice_update)(const WeftTensor *x, const WeftTensor *a, WeftInts start); /* x with a put on at start */
    WeftTensor *(*as_dtype)(const WeftTensor *x, uint32_t dtype);
    WeftTensor *(*matmul)(const WeftTensor *x, const WeftTensor *other);
    WeftTensor *(*addmm)(const WeftTensor *x, const WeftTensor *a, const WeftTensor *b, float alpha,
                         float beta); /* beta * x + alpha * a @ b */
    WeftTensor *(*conv2d)(const WeftTensor *x, const WeftTensor *weight, WeftInts stride, WeftInts padding, WeftInts dilation,
                          int32_t groups); /* x [n,h,w,c], weight [out,kh,kw,c/groups]; the others are (h, w) */
    WeftTensor *(*rms_norm)(const WeftTensor *x, const WeftTensor *weight, float eps); /* weight may be NULL, and below */
    WeftTensor *(*layer_norm)(const WeftTensor *x, const WeftTensor *weight, const WeftTensor *bias, float eps);
    WeftTensor *(*group_norm)(const WeftTensor *x, int32_t groups, const WeftTensor *weight, const WeftTensor *bias,
                              float eps); /* groups of neighbouring channels of [n,...,c], over all middle axes */
    WeftTensor *(*rotate_pairs)(const WeftTensor *x, const WeftTensor *cos, const WeftTensor *sin); /* rotary embedding of
        neighbouring pairs: x [...,t,h,d], cos and sin [t,d/2]; (a, b) becomes (a cos - b sin, a sin + b cos) */
    WeftTensor *(*rope)(const WeftTensor *x, float base); /* rotary embedding of halves of [n,h,t,d], positions from 0 */
    WeftTensor *(*attention)(const WeftTensor *x, const WeftTensor *keys, const WeftTensor *values, float scale,
                             const WeftTensor *mask); /* x [n,h,t,d], keys and values [n,kv,s,d], h a multiple of kv; mask is
        added to the scores, broadcasts to [n,h,t,s], may be NULL */
    WeftTensor *(*causal_attention)(const WeftTensor *x, const WeftTensor *keys, const WeftTensor *values,
                                    float scale); /* a query sees its own and earlier keys */
    WeftTensor *(*interpolate)(const WeftTensor *x, WeftInts size, WeftText mode); /* [n,h,w,c] to height and width; "nearest",
        "linear" or "cubic", as torch does it with align_corners=False */
    WeftTensor *(*full)(WeftInts shape, float value, uint32_t dtype);
    WeftTensor *(*arange)(float start, float stop, float step, uint32_t dtype);
    WeftTensor *(*concatenate)(WeftTensors tensors, int32_t axis);
    WeftTensor *(*stack)(WeftTensors tensors, int32_t axis);             /* along a new axis */
    WeftTensor *(*random_normal)(WeftInts shape, uint64_t seed);         /* float32, the same on every machine */
    WeftTensor *(*random_uniform)(WeftInts shape, uint64_t seed);        /* in 0..1 */
    WeftTensor *(*take_along_axis)(const WeftTensor *x, const WeftTensor *indices, int32_t axis); /* since 1.1: for each index
        (int32) the number that stands there along axis; with argsort it sorts */
    WeftTensor *(*group_norm_silu)(const WeftTensor *x, int32_t groups, const WeftTensor *weight_or_null,
                                   const WeftTensor *bias_or_null, float eps); /* since 1.2: group_norm, then silu */
    WeftTensor *(*conv2d_add)(const WeftTensor *x, const WeftTensor *weight, WeftInts stride, WeftInts padding,
                              const WeftTensor *bias_or_null, const WeftTensor *other_or_null); /* since 1.2: conv2d without
        dilation and groups, plus the bias [out], plus other of the result's shape */
} WeftOps;

/* What the host does for a plugin. */
typedef struct {
    size_t size;
    uint32_t major;
    uint32_t minor;
    const WeftOps *ops;
    const void *(*extension)(WeftText name); /* a table that is not yet part of this one, or NULL */

    WeftError *(*error_new)(uint32_t kind, WeftText message, WeftText help); /* the host adds which node it was */
    void (*error_view)(const WeftError *error, WeftErrorView *out);
    void (*error_free)(WeftError *error);

    WeftTensor *(*tensor_new)(uint32_t dtype, WeftInts shape, WeftBytes data); /* copies data, row-major */
    WeftTensor *(*tensor_failed)(const WeftError *error);                      /* a tensor that carries the error */
    WeftTensor *(*tensor_clone)(const WeftTensor *tensor);                     /* another handle, no copy */
    void (*tensor_free)(WeftTensor *tensor);
    WeftError *(*tensor_shape)(const WeftTensor *tensor, WeftInts *out);
    WeftError *(*tensor_dtype)(const WeftTensor *tensor, uint32_t *out);
    WeftError *(*tensor_eval)(WeftTensors tensors); /* computes now; seldom needed */
    WeftError *(*tensor_read)(const WeftTensor *tensor, uint32_t dtype, uint8_t *target,
                              size_t bytes); /* computes, converts, copies row-major; bytes must fit exactly */
    WeftError *(*tensor_quantize)(const WeftTensor *tensor, uint32_t bits, WeftTensor **out); /* a matrix, in MLX's affine way in
        groups of 64; out is an array of three: the packed numbers, and for each group a scale and a bias */

    WeftValue *(*value_null)(void);
    WeftValue *(*value_bool)(WeftFlag value);
    WeftValue *(*value_int)(int64_t value);
    WeftValue *(*value_float)(double value);
    WeftValue *(*value_text)(WeftText value);
    WeftValue *(*value_tensor)(const WeftTensor *value);
    WeftValue *(*value_list)(WeftValues values);
    WeftValue *(*value_record)(void); /* an empty one */
    WeftValue *(*value_opaque)(WeftText kind, void *payload, void (*free)(void *payload)); /* a value of your own kind */
    WeftValue *(*value_clone)(const WeftValue *value); /* another handle, no copy */
    void (*value_free)(WeftValue *value);
    void (*value_view)(const WeftValue *value, WeftValueView *out);
    WeftTensor *(*value_as_tensor)(const WeftValue *value); /* NULL where it is none */
    WeftValue *(*list_get)(const WeftValue *list, size_t index); /* NULL where it is no list or too short */
    WeftValue *(*record_get)(const WeftValue *record, WeftText key); /* NULL where it is no record or has no such key */
    WeftText (*record_key)(const WeftValue *record, size_t index);   /* empty where there is none */
    WeftValue *(*record_with)(const WeftValue *record, WeftText key, const WeftValue *value); /* a copy with one entry set;
        NULL where it is no record. Pass on entries that you do not know */

    WeftError *(*weights_open)(WeftText path, WeftWeights **out); /* a file, an .index.json, or a folder with one of them */
    WeftWeights *(*weights_clone)(const WeftWeights *weights);
    void (*weights_free)(WeftWeights *weights);
    size_t (*weights_len)(const WeftWeights *weights);
    WeftFlag (*weights_at)(const WeftWeights *weights, size_t index, WeftTensorView *out); /* by name; false at the end */
    WeftFlag (*weights_find)(const WeftWeights *weights, WeftText name, WeftTensorView *out);
    WeftTensor *(*weights_tensor)(const WeftWeights *weights, WeftText name); /* failed where there is none of that name */
    WeftTensor *(*weights_exact)(const WeftWeights *weights, WeftText name);  /* with its changes in float32, unrounded */
    WeftTensor *(*weights_linear)(const WeftWeights *weights, WeftText name, const WeftTensor *x); /* x times the transpose of
        name.weight, plus name.bias where there is one */
    WeftWeights *(*weights_select)(const WeftWeights *weights, WeftText from, WeftText to); /* names that begin with from, and
        to in its place */
    WeftError *(*weights_views)(const WeftWeights *weights, WeftTensorRowsList views, WeftWeights **out); /* these, no others */
    WeftError *(*weights_transpose)(const WeftWeights *weights, WeftText name, WeftInts axes,
                                    WeftWeights **out); /* the same, one tensor with its axes in this order */
    WeftWeights *(*weights_cast)(const WeftWeights *weights, uint32_t dtype);    /* the same, converted when they are read */
    WeftWeights *(*weights_quantize)(const WeftWeights *weights, uint32_t bits); /* matrices rounded to 3, 4, 6 or 8 bits */
    uint32_t (*weights_bits)(const WeftWeights *weights);                        /* to how many; 0 where they are not */
    WeftValue *(*weights_metadata)(const WeftWeights *weights);                  /* a record of text */
    WeftError *(*weights_with_low_rank)(const WeftWeights *weights, WeftText name, const WeftTensor *down, const WeftTensor *up,
                                        double scale, WeftWeights **out); /* scale * up @ down beside the matrix: down
        [rank, in], up [out, rank] */
    WeftError *(*weights_with_patch)(const WeftWeights *weights, WeftText name, const WeftPatchTable *patch, void *payload,
                                     WeftWeights **out); /* one tensor changed, after the changes it has; takes payload over */
    WeftValue *(*weights_history)(const WeftWeights *weights); /* a list of records: files, then what was done to them */
    WeftWeights *(*weights_with_history)(const WeftWeights *weights, const WeftValue *entry); /* a record at its end */

    WeftError *(*model_new)(WeftText architecture, WeftText config, const WeftWeights *weights, WeftValue **out);
    WeftFlag (*model_view)(const WeftValue *model, WeftModelView *out); /* false where it is no model */
    WeftWeights *(*model_weights)(const WeftValue *model);              /* NULL where it is no model */
    WeftError *(*model_with_weights)(const WeftValue *model, const WeftWeights *weights, WeftValue **out);
    WeftError *(*model_with_hook)(const WeftValue *model, WeftText point, const WeftHookTable *hook, void *payload,
                                  WeftValue **out); /* around "predict", "blocks" or "layers.N"; takes payload over */
    WeftText (*architecture_detect)(WeftText role, const WeftWeights *weights); /* which knows these weights; empty: none */

    WeftError *(*session_open)(const WeftValue *model, const WeftRun *run, const WeftValue *info, WeftSession **out); /* info
        is a record that hooks see at their start */
    void (*session_free)(WeftSession *session);
    WeftError *(*session_call)(const WeftSession *session, WeftText method, const WeftValue *args, WeftValue **out);
    WeftError *(*session_around)(const WeftSession *session, WeftText point, const WeftValue *input, WeftNextFn next,
                                 void *next_payload, WeftValue **out); /* for architectures: next, inside the hooks of point */
    const WeftRun *(*session_run)(const WeftSession *session);         /* borrowed from the session */

    WeftError *(*run_progress)(const WeftRun *run, uint32_t done, uint32_t total, const WeftTensor *x); /* once a step: computes
        x (may be NULL), reports, and fails with WEFT_CANCELLED where the user stopped the run */
    WeftError *(*run_preview)(const WeftRun *run, const WeftTensor *image); /* [height, width, 3] in 0..1, on the node */
    void (*run_note)(const WeftRun *run, WeftText text);                    /* one sentence on the node */
    WeftError *(*run_report)(const WeftRun *run, const WeftValue *table);   /* {title, columns [text], rows [[text]]} */
    WeftValue *(*run_info)(const WeftRun *run); /* a record: device, graph, node, version, free_memory, models */
    WeftError *(*run_write)(const WeftRun *run, WeftText name, WeftText extension, WeftBytes bytes,
                            WeftValue **out); /* a new file below the output folder; out is its path as text */
    WeftError *(*run_write_folder)(const WeftRun *run, WeftText name, void *payload, WeftFillFn fill,
                                   WeftValue **out); /* a new folder, whole or not at all */
    WeftError *(*folder_write)(const WeftFolder *folder, WeftText path, WeftBytes bytes); /* a file in it */
    WeftError *(*folder_write_tensors)(const WeftFolder *folder, WeftText path, const WeftValue *metadata,
                                       WeftTensorViews tensors, void *payload,
                                       WeftTensorFn tensor); /* a safetensors file; tensor is asked for each once, in any order */
} WeftHost;

/* The exported symbol. */
typedef struct {
    uint64_t magic;       /* WEFT_MAGIC */
    uint32_t major;       /* WEFT_MAJOR */
    uint32_t needs_minor; /* 0, or the highest "since 1.N" that you use */
    size_t size;          /* sizeof(WeftPlugin) */
    WeftText id;          /* org.example.my-nodes: no slash, no space, never changed */
    WeftText version;     /* of the plugin */
    WeftError *(*init)(const WeftHost *host, const WeftEntries **out); /* keep host; an error says why you cannot start */
} WeftPlugin;

/* Define it in one file: const WeftPlugin weft_plugin = { WEFT_MAGIC, WEFT_MAJOR, 0, sizeof(WeftPlugin), ... }; */
extern __attribute__((visibility("default"))) const WeftPlugin weft_plugin;

/* A constant text, to initialise a WeftText with. */
#define WEFT_TEXT(literal) { literal, sizeof(literal) - 1 }

/* Whether the host's table has a field that came after the minor version that you need. */
#define WEFT_HAS(type, table, field) ((table)->size >= offsetof(type, field) + sizeof((table)->field))

/* A text that ends with a zero, as an argument. */
static inline WeftText weft_text(const char *text) {
    WeftText lent = { text, strlen(text) };
    return lent;
}

#ifdef __cplusplus
}
#endif

#endif
