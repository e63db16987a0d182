"""Columns from which N, D or the loss can be computed: formulas by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from farseer_jax.expressions.names import name_text
from farseer_jax.runs.column_names import name_and_unit
from farseer_jax.runs.usual_names import squeezed

_TEXTS: Final[dict[str, str]] = {
    "tokens per parameter": """
        tokensperparam tokensperparameter tokperparam tokenperparam tokenparamratio tpp
        tokenstoparams tokenstoparamsratio tokenparameterratio dovern dpern dn dbyn dataperparam
        tokensparamratio tokenspernparam tokensparam tokensparams tokparam tokensparameter
        dataparamratio tokentoparam tokentoparamratio tokenstoparameters tokenstoparam ratiodn
        dnratio tokensperactiveparam tokensn tokenspern
        """,
    "multiples of 20 tokens per parameter": """
        chinchillamult chinchillamultiplier chinchillamultiple chinchillaratio chinchillas xc
        timeschinchilla chinchillax xchinchilla chinchillafactor chinchillascale chinchillaoptimal
        chinchilla
        """,
    "compute": """
        c compute flops flop trainflops trainingflops trainingcompute traincompute totalflops
        totalflos flos computeflops nflops numflops totalcompute computebudget flopbudget
        flopsbudget flops6nd flop6nd c6nd computec cflops cflop
        """,
    "epochs": "epoch epochs nepochs numepochs numberofepochs trainepochs numtrainepochs",
    "perplexity": """
        ppl perplexity valppl valperplexity validationperplexity validationppl evalppl
        evalperplexity testppl testperplexity trainppl trainperplexity
        """,
    "accuracy": """
        acc accuracy avgacc avgaccuracy averageaccuracy meanaccuracy meanacc valacc valaccuracy
        evalacc evalaccuracy testacc testaccuracy score winrate exactmatch em passat1
        """,
    "log-likelihood": "loglik loglikelihood logprob logprobs avglogprob ll meanlogprob",
    "steps": """
        step steps nsteps numsteps trainsteps trainingsteps numtrainsteps totalsteps maxsteps
        iterations iters numiterations trainiters updates
        """,
    "tokens per batch": """
        tokensperbatch batchtokens batchsizetokens tokensperstep batchsizeintokens
        globalbatchsizetokens tokensperiteration globalbatchtokens
        """,
    "sequences per batch": """
        batchsize globalbatchsize batch gbs globalbs bs trainbatchsize batchsizeseqs batchseqs
        sequencesperbatch numsequences
        """,
    "sequences per device": """
        perdevicebatchsize perdevicetrainbatchsize batchsizeperdevice batchsizepergpu
        perdevicebatch pergpubatchsize microbatchsize devicebatchsize devicetrainbatchsize
        """,
    "devices": """
        ngpus numgpus numberofgpus gpus worldsize ndevices numdevices devices gpucount ntpus
        numtpus dataparallelsize dpsize
        """,
    "tokens per sequence": """
        seqlen sequencelength contextlength ctxlen ctx contextsize maxseqlen maxsequencelength
        blocksize contextwindow nctx
        """,
    "tokens of an evaluation": """
        evaltokens numevaltokens nevaltokens evaluationtokens numevaluationtokens valtokens
        numvaltokens nvaltokens validationtokens testtokens numtesttokens ntokenseval
        """,
    "unique tokens": "u uniquetokens nuniquetokens numuniquetokens tokensperepoch datasettokens "
    "tokensindataset uniquetraintokens corpustokens",
    "layers": "nlayer nlayers numlayers layers numhiddenlayers depth numl nl",
    "width": "dmodel width hiddensize hiddendim nembd embeddim modeldim modelwidth dim h",
}
_NAMES: Final = {meaning: frozenset(text.split()) for meaning, text in _TEXTS.items()}
_ACCURACIES: Final = frozenset(["acc", "accuracy", "accuracies"])
_PETAFLOP_DAYS: Final = re.compile(r"(?<![a-z])(peta|p)[ _-]?f(lops?)?[ _/-]*s?[ _/-]*days?")
_LARGE_FLOPS: Final = re.compile(r"(?<![a-z])(e|z|y|exa|zetta|yotta)[ _-]?flops?(?![a-z])")
_BRACKETS: Final = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*$")
_PER: Final = re.compile(r"per|/ ?s|sec")
TOKENS_PER_PARAMETER: Final = 20  # of the compute-optimal models of Hoffmann et al.


def meaning_of(column: str) -> str | None:
    """What a column holds by its name, if it is neither N, D nor a loss.

    Example:
        >>> meaning_of("tokens_per_param"), meaning_of("val_ppl"), meaning_of("arm")
        ('tokens per parameter', 'perplexity', None)
    """
    last = re.split(r"[/.]", column)[-1]
    words = name_and_unit(column).words
    texts = {squeezed(column), squeezed(last), "".join(words), "".join(name_and_unit(last).words)}
    texts |= {squeezed(inside) for inside in _BRACKETS.findall(column)}
    for what, names in _NAMES.items():
        if texts & names:
            return what
    if _flop_unit(column) is not None:
        return "compute"
    if words and words[-1] in _NAMES["perplexity"]:
        return "perplexity"
    return "accuracy" if _ACCURACIES & set(words) and "loss" not in words else None


def _flop_unit(column: str) -> float | None:
    """The unit of a column of compute such as ``EFLOPs`` and ``PF-days``; None for other columns.

    TFLOPs and PFLOPs more often mean FLOPs per second, and are not recognised.
    """
    text = column.lower()
    if _PETAFLOP_DAYS.search(text):
        return 1e15 * 86400
    found = _LARGE_FLOPS.search(text)
    if found is None or _PER.search(text):
        return None
    return {"e": 1e18, "z": 1e21, "y": 1e24}[found[1][0]]


def _in_units(column: str, meaning: str) -> str:
    """A column in a formula; compute in FLOPs."""
    unit = (_flop_unit(column) or name_and_unit(column).unit) if meaning == "compute" else None
    return name_text(column) if unit is None else f"{unit:g}*{name_text(column)}".replace("+", "")


def formula_for(
    role: str, columns: Sequence[str], known: Sequence[str] = (), in_tokens: Collection[str] = ()
) -> str | None:
    """A formula that gives N, D or the loss by columns of other meanings; None without.

    Args:
        role: ``"N"``, ``"D"`` or ``"loss"``.
        columns: names of the columns that may be used.
        known: those of N and D that the table has.
        in_tokens: columns of batch sizes that count tokens.

    Example:
        >>> formula_for("D", ["tokens_per_param", "loss"], ["N"])
        'D = tokens_per_param*N'
        >>> formula_for("D", ["steps", "batch_size", "seq_len"], ["N"])
        'D = steps*batch_size*seq_len'
        >>> formula_for("loss", ["val_ppl"])
        'loss = log(val_ppl)'
    """
    first: dict[str, str] = {}
    for column in columns:
        meaning = "tokens per batch" if column in in_tokens else meaning_of(column)
        if meaning is not None and meaning not in first:
            first[meaning] = _in_units(column, meaning)
    return next(
        (
            f"{role} = {formula(first)}"
            for needs, formula in _FORMULAS.get(role, ())
            if all(need in first or need in known for need in needs)
        ),
        None,
    )


_Formula = Callable[[dict[str, str]], str]
_FORMULAS: Final[dict[str, list[tuple[tuple[str, ...], _Formula]]]] = {
    "D": [
        (("N", "tokens per parameter"), lambda c: f"{c['tokens per parameter']}*N"),
        (
            ("steps", "tokens per batch"),
            lambda c: f"{c['steps']}*{c['tokens per batch']}",
        ),
        (
            ("steps", "sequences per batch", "tokens per sequence"),
            lambda c: f"{c['steps']}*{c['sequences per batch']}*{c['tokens per sequence']}",
        ),
        (
            ("steps", "sequences per device", "devices", "tokens per sequence"),
            lambda c: "*".join(
                [c["steps"], c["sequences per device"], c["devices"], c["tokens per sequence"]]
            ),
        ),
        (("N", "compute"), lambda c: f"{c['compute']}/(6*N)"),
        (
            ("N", "multiples of 20 tokens per parameter"),
            lambda c: f"{TOKENS_PER_PARAMETER}*{c['multiples of 20 tokens per parameter']}*N",
        ),
        (("epochs", "unique tokens"), lambda c: f"{c['epochs']}*{c['unique tokens']}"),
    ],
    "N": [
        (("D", "compute"), lambda c: f"{c['compute']}/(6*D)"),
        (("D", "tokens per parameter"), lambda c: f"D/{c['tokens per parameter']}"),
        (("layers", "width"), lambda c: f"12*{c['layers']}*{c['width']}**2"),
        (
            ("compute", "tokens per parameter"),
            lambda c: f"sqrt({c['compute']}/(6*{c['tokens per parameter']}))",
        ),
    ],
    "loss": [
        (("perplexity",), lambda c: f"log({c['perplexity']})"),
        (("log-likelihood",), lambda c: f"-{c['log-likelihood']}"),
    ],
}
