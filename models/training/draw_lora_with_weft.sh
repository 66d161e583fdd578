#!/bin/sh
# The picture of draw_lora.py, drawn with Weft itself (needs ImageMagick): rows without the LoRA, at 0.5 and at 1.
#     sh draw_lora_with_weft.sh ../../target/release/weft lora_captions.txt ../../docs/pictures/lora-demo.png
set -eu
weft=$1 captions=$2 picture=$3
graph=$(dirname "$0")/../../graphs/lora.ron
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for weight in 0.0 0.5 1.0; do
  number=0
  while IFS= read -r caption; do
    "$weft" run "$graph" --set "lora.weight=$weight" --set "prompt.text=\"$caption\"" --set "sample.seed=$number" \
      --set "save.name=\"$weight-$(printf '%02d' "$number")\"" -o "$out" --device cpu --quiet >/dev/null </dev/null
    number=$((number + 1))
  done <"$captions"
done
montage "$out"/*.png -tile "${number}x" -geometry +2+2 -background white "$picture"
