"""Configurations of language models that their authors published."""

from typing import NamedTuple

import numpy as np

from farseer_jax.flops import training_flops


class PublishedModel(NamedTuple):
    """A model that was trained, as its authors describe it.

    Attributes:
        name: the usual name.
        N: parameters, embeddings included.
        D: training tokens, repetitions included.
        source: where N and D are given.

    Example:
        >>> from farseer_jax import published_models
        >>> gpt3 = published_models()[0]
        >>> gpt3.name, f"{gpt3.compute:.2e}", round(gpt3.tokens_per_parameter, 2)
        ('GPT-3 175B', '3.15e+23', 1.71)
    """

    name: str
    N: float
    D: float
    source: str

    @property
    def compute(self) -> float:
        """Training FLOPs, 6 N D."""
        return float(training_flops(self.N, self.D))

    @property
    def tokens_per_parameter(self) -> float:
        """Training tokens per parameter."""
        return self.D / self.N


_MODELS = (
    PublishedModel("GPT-3 175B", 175e9, 300e9, "Brown et al. 2020, arXiv:2005.14165"),
    PublishedModel("Gopher 280B", 280e9, 300e9, "Rae et al. 2021, arXiv:2112.11446"),
    PublishedModel("Chinchilla 70B", 70e9, 1.4e12, "Hoffmann et al. 2022, arXiv:2203.15556"),
    PublishedModel("PaLM 540B", 540e9, 780e9, "Chowdhery et al. 2022, arXiv:2204.02311"),
    PublishedModel("LLaMA 65B", 65.2e9, 1.4e12, "Touvron et al. 2023, arXiv:2302.13971"),
    PublishedModel("Llama 2 7B", 7e9, 2e12, "Touvron et al. 2023, arXiv:2307.09288"),
    PublishedModel("Llama 2 70B", 70e9, 2e12, "Touvron et al. 2023, arXiv:2307.09288"),
    PublishedModel("Llama 3.1 8B", 8e9, 15e12, "Grattafiori et al. 2024, arXiv:2407.21783"),
    PublishedModel("Llama 3.1 405B", 405e9, 15.6e12, "Grattafiori et al. 2024, arXiv:2407.21783"),
    PublishedModel("DeepSeek LLM 7B", 7e9, 2e12, "DeepSeek-AI 2024, arXiv:2401.02954"),
    PublishedModel("DeepSeek LLM 67B", 67e9, 2e12, "DeepSeek-AI 2024, arXiv:2401.02954"),
    PublishedModel("OLMo 2 7B", 7e9, 4e12, "OLMo Team 2024, arXiv:2501.00656"),
    PublishedModel("OLMo 2 13B", 13e9, 5e12, "OLMo Team 2024, arXiv:2501.00656"),
    PublishedModel("Qwen2.5 7B", 7.6e9, 18e12, "Qwen Team 2024, arXiv:2412.15115"),
    PublishedModel("Qwen2.5 72B", 72.7e9, 18e12, "Qwen Team 2024, arXiv:2412.15115"),
)


def published_models() -> tuple[PublishedModel, ...]:
    """Well-known dense language models with their N and D, to compare allocations with.

    Rounded as in their papers, in order of publication. N counts embeddings, while the N of a law
    may not, and the tokens are not those that a law was fitted to.

    Example:
        >>> from farseer_jax import published_models
        >>> models = {model.name: model for model in published_models()}
        >>> round(models["Chinchilla 70B"].tokens_per_parameter)
        20
        >>> round(models["Llama 3.1 405B"].tokens_per_parameter)
        39
    """
    return _MODELS


def nearest(compute: float, models: tuple[PublishedModel, ...] = _MODELS) -> PublishedModel:
    """The model whose training cost is nearest to a budget, on a logarithmic scale."""
    return min(models, key=lambda model: abs(np.log(model.compute / compute)))
