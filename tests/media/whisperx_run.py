"""Runs in WhisperX's own environment: transcribe with the product's engine and print what came of it, as JSON.

Usage: ``python -m tests.media.whisperx_run SPEECH_WAV SILENCE_WAV FOLDER``; FOLDER gets an alignment model of the right
shape with random weights, which puts words anywhere within their segments but is loaded and run as a trained one.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from tasks.speech import SpeechOptions, transcribe_file

LETTERS = "ETAONIHSRDLUMWCFGYPBVK'XJQZ"


def make_aligner(folder: Path) -> None:
    """Write a Wav2Vec2ForCTC of 40 thousand weights with its processor."""
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    torch.manual_seed(1)
    folder.mkdir(parents=True)
    signs = ["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({sign: number for number, sign in enumerate(signs)}))
    processor = Wav2Vec2Processor(
        feature_extractor=Wav2Vec2FeatureExtractor(return_attention_mask=False),
        tokenizer=Wav2Vec2CTCTokenizer(str(vocabulary)),
    )
    processor.save_pretrained(folder)
    config = Wav2Vec2Config(
        vocab_size=len(signs),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)


def main(speech: Path, silence: Path, folder: Path) -> dict[str, Any]:
    """Transcribe without and with an alignment model, and silence."""
    make_aligner(folder / "align" / "en")
    plain = SpeechOptions(engine="whisperx", model="tiny.en", device="cpu")
    aligned = SpeechOptions(engine="whisperx", model="tiny.en", device="cpu", model_dir=str(folder))
    seen: list[float] = []
    return {
        "plain": transcribe_file(speech, options=plain).to_json(),
        "aligned": transcribe_file(speech, options=aligned, progress=lambda done, _: seen.append(done)).to_json(),
        "silence": transcribe_file(silence, options=aligned).to_json(),
        "progress": seen,
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    result = main(*(Path(argument) for argument in sys.argv[1:4]))
    print("\n" + json.dumps(result))
