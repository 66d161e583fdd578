#!/bin/sh
# Draws every line of a file of captions with Weft itself, line i with seed i, for `judge.py --pictures`:
#     sh draw_with_weft.sh ../../target/release/weft captions.txt pictures
set -eu
weft=$1 captions=$2 pictures=$3
graph=$(dirname "$0")/../../graphs/text-to-image.ron
number=0
while IFS= read -r caption; do
  "$weft" run "$graph" --set "prompt.text=\"$caption\"" --set "sample.seed=$number" \
    --set "save.name=\"$(printf '%04d' "$number")\"" -o "$pictures" --quiet >/dev/null </dev/null
  number=$((number + 1))
done <"$captions"
