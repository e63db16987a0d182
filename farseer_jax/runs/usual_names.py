"""Usual names of inputs in tables, and what they mean."""

from typing import Final

MEANINGS: Final[dict[str, str]] = {
    "N": "parameters", "D": "training tokens", "loss": "loss", "U": "unique tokens",
    "P": "parallel streams", "V": "vocabulary size", "E": "experts", "C": "training FLOPs",
    "B": "batch size", "lr": "learning rate", "characters": "training characters",
    "width": "embedding width", "examples": "fine-tuning examples",
    "r": "share of the domain's data", "experts": "number of experts",
    "N_active": "active parameters", "G": "granularity of experts",
    "S": "fraction of inactive experts", "expansion": "total divided by active parameters",
    "p_w": "bits of weights in training", "p_a": "bits of activations in training",
    "p_kv": "bits of the KV cache in training", "p_post": "bits of weights after training",
    "teacher_loss": "loss of the teacher", "supervised_loss": "loss of the student by supervision",
    "task_loss": "loss on the task",
}  # fmt: skip

# Lower case, letters and digits only, as `squeezed` writes a column's name.
_USUAL_TEXTS: Final[dict[str, str]] = {
    "N": """
        n params nparams numparams numberofparams paramcount paramscount totalparams modelparams
        parameters nparameters numparameters numberofparameters parametercount totalparameters
        modelparameters size modelsize nonembeddingparams nonembeddingparameters nonembparams
        nnonembedding nonembedding paramsnonembedding numnonembeddingparams
        nnonvocab nonvocab nonvocabparams nonvocabparameters nonvocabularyparameters
        ndense denseparams denseparameters denseparametercount
        nparamsnonembedding nparametersnonembedding numparamsnonembedding paramsnonemb
        nnoembed nnoembedding noembedparams paramsnoembed paramsnoembedding nembedless
        trainableparams trainableparameters numtrainableparams numtrainableparameters
        ntrainableparams totaltrainableparams
        nonembparameters numnonembeddingparameters numparametersnonembedding
        parametersnonembedding nparamsnonemb backboneparams backboneparameters
        nparamstotal numparamstotal nparameterstotal numparameterstotal paramstotal parameterstotal
        totalnumparams totalnumparameters ntotalparams numtotalparams parameter
        """,
    "D": """
        d tokens ntokens numtokens numberoftokens tokencount totaltokens datatokens
        traintokens ntraintokens numtraintokens trainingtokens ntrainingtokens numtrainingtokens
        trainedtokens tokenstrained seentokens tokensseen trainingdatatokens datasize datasetsize
        trainingdatasetsize traindatasetsize tokensprocessed processedtokens consumedtokens
        consumedtraintokens ntokensseen numtokensseen numinputtokensseen totaltokensseen
        totaltraintokens totaltrainingtokens tokenhorizon trainingtokenhorizon tok toks ntok
        ntoks numtok numtoks tokensprocessed tokenbudget budgettokens throughputtotaltokens
        """,
    "loss": """
        loss l bpc bpb valloss validationloss evalloss evaluationloss testloss heldoutloss
        finalloss finalvalloss finalvalidationloss finalevalloss finaltestloss lmloss
        bitsperchar bitspercharacter bitsperbyte valbpc valbpb crossentropy xent
        """,
    "U": "u uniquetokens nuniquetokens numuniquetokens uniquedata uniquetraintokens",
    "P": "p streams nstreams numstreams parallelstreams numparallelstreams parallelsize",
    "V": "v vocab vocabsize vocabularysize nvocab numvocab vocabulary",
    "E": "e experts nexperts numexperts numberofexperts",
    "experts": "experts nexperts numexperts numberofexperts",
    "N_active": """
        nactive nact activeparams activeparameters numactiveparams numactiveparameters
        nactiveparams nactiveparameters activeparametercount activatedparams activatedparameters
        nactivated numactivatedparams numactivatedparameters nactivatedparams
        nactivatedparameters paramsactive paramsactivated parametersactive activemodelparams
        nparamsactive numparamsactive
        """,
    "G": "g granularity",
    "S": "s sparsity",
    "expansion": "expansion expansionrate expansionratio totaloveractive",
    "task_loss": "taskloss",
    "teacher_loss": "teacherloss lteacher",
    "supervised_loss": "supervisedloss studentsupervisedloss",
    "C": """
        c compute flops flop trainflops trainingflops trainingcompute totalflops flopsbudget
        flopbudget computebudget totalflos trainflop trainingflop totaltrainflops
        totaltrainingflops traincompute
        """,
    "B": "b batchsize globalbatchsize batch trainbatchsize",
    "lr": "lr learningrate peaklr maxlr peaklearningrate",
    "characters": "characters chars nchars ncharacters numchars numcharacters trainingcharacters",
    "width": "width d dmodel modelwidth hiddensize hiddendim embeddim embeddingdim embeddingwidth",
    "examples": """
        examples nexamples numexamples trainexamples trainingexamples finetuningexamples samples
        nsamples numsamples trainsamples trainingsamples
        """,
    "r": "r domainratio domainshare domainfraction domainproportion mixtureratio",
}

# Letters that usually denote parameters: they are inputs only where a law declares them.
USUAL_PARAMETERS: Final = frozenset("EBC")

USUAL_SHARES: Final = ("share", "weight", "proportion", "fraction", "mixture", "mix")

# Losses that trackers log below the name of their data, such as ``eval/`` and ``train/``.
_LOSS_TEXT: Final = """
    loss ce celoss nll nllloss crossentropy crossentropyloss languagecrossentropy bpb bpc
    bitsperbyte bitsperchar bitspercharacter xent xentloss lmloss finalloss lossfinal losslast
    lastloss
    """
LOSSES: Final = frozenset(_LOSS_TEXT.split())

USUAL_NAMES: Final = {role: frozenset(text.split()) for role, text in _USUAL_TEXTS.items()}


def unit_option(name: str) -> tuple[str, str]:
    """The option for the unit of an input, in Python and in the shell."""
    return f"{name}_unit", f"--{name}-unit"


def named(name: str) -> str:
    """An input, with its usual meaning in parentheses.

    Example:
        >>> named("U"), named("loss"), named("x")
        ('U (unique tokens)', 'the loss', 'x')
    """
    if name == "loss":
        return "the loss"
    return f"{name} ({MEANINGS[name]})" if name in MEANINGS else name


def begins_with(column: str, name: str) -> bool:
    """Whether a column is an input with an addition, such as ``N_active``, ``D1`` for N, D.

    Example:
        >>> begins_with("N_active", "N"), begins_with("Notes", "N")
        (True, False)
    """
    rest = column.removeprefix(name)
    return column.startswith(name) and bool(rest) and (rest[0].isdigit() or rest[0] in "_ ")


def squeezed(name: str) -> str:
    """The name in lower case without punctuation."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
