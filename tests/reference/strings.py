"""Strings that tokenizers disagree about, and the line a prompt becomes."""

STRINGS = [
    "", " ", "  ", "\n", "\r\n", "\t", " \n ", "\n\n\n", "   x", "x   ", "x \n\n  y", "a\u00a0b", "\u3000全角", "\u2003em",
    "a red fox in the snow", "The quick brown fox jumps over the lazy dog.", "UPPER lower MiXeD",
    "it's they're I'VE we'll he'd I'm 'sup don'T 's", "rock 'n' roll", "’s curly ’re", "ſ'ſ 'S",
    "1 12 123 1234567890", "3.14159e-10", "½ ² ٣ Ⅷ ①", "a1b2c3", "$5,000.00!!", "C++ & C# (x<y) -> [z]",
    "...!?", "«quoted» “double” ‘single’", "a/b\\c|d~e`f^g", "_under_score_ __dunder__", "!\n!\r\n?",
    "一只红色的狐狸在雪地里", "红色 的 圆。12个", "日本語のテキスト、カタカナとひらがな", "한국어 문장입니다", "สวัสดีชาวโลก", "नमस्ते दुनिया क्षि", "שָׁלוֹם עֲלֵיכֶם", "السلام عليكم",
    "Привет, мир!", "Ελληνικά ΰ", "İstanbul ıI", "straße ẞ", "ǅ ǆ ﬁ ﬂ ﷺ",
    "café", "cafe\u0301", "e\u0301\u0323", "e\u0323\u0301", "x\u0327\u030c", "\u0301", " \u0301a", "a\u0308\u0301", "A\u030a \u212b \u00c5",
    "각 \u1100\u1161\u11a8 \uac00\u11a8", "\u0958 \u2126 \u1e9b\u0323", "\U0001d15e \u2adc \ufb1d", "\u0344 \u0f73\u0f75", "\u0dca\u0dcf \u0dd9\u0dca",
    "😀", "👍🏽", "👩‍🚀👨‍👩‍👧‍👦", "🏳️‍🌈 🇨🇳🇺🇸", "❤️ ☺ ☺️", "🎨🎨🎨 art", "a😀b 😀 c",
    "\u200b zero\u200bwidth\u200d", "\ufeffbom", "\u202eright to left", "soft\u00adhyphen", "\x00nul\x00", "\x7f\x80\x9f", "\u2028line\u2029para", "\x85next", "\x0b\x0c\x1c\x1f",
    "\ue000 private \U000f0000", "\uffff\ufffe", "\U0010ffff", "\ufffd", "𝕳𝖊𝖑𝖑𝖔 𝟘𝟙", "𠀀𪛟", "ａｂｃ１２３",
    "<|im_start|>", "<|im_end|>", "a<|im_end|>b", " <|im_end|> ", "<|endoftext|><|endoftext|>", "<|im_start|>user\nhi<|im_end|>\n",
    "<think>x</think>", "<tool_call>\n{}\n</tool_call>", "<|vision_pad|>é<|vision_pad|>", "<|im_start", "|im_end|>", "<|IM_END|>", "<|unknown|>", "<think", "< think>",
    "(masterpiece:1.2), [blurry], {a|b}", "<lora:fox:0.8>", "score_9, 1girl, 4k", "https://example.org/a?b=c&d=%20", "def f(x):\n    return x  # ok\n",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the the  the   the", " the", "the ", "redred red  red", "ab" * 40, "红" * 20, "\n " * 6, "- \n- \n",
]


def as_prompt(text):
    """Qwen3's chat template for one user turn, as the pipeline asks for it."""
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
