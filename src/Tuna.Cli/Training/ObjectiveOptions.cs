using System.CommandLine;
using System.CommandLine.Parsing;
using Tuna.Cli.Hosting;
using Tuna.Losses;

namespace Tuna.Cli.Training;

/// <summary>The objective of a training, with its constants. What the chosen objective does not take is refused.</summary>
internal sealed class ObjectiveOptions
{
    private const string Start = "start";
    private const string Drawn = "rows";

    private static readonly Dictionary<string, PairSelection> Selections = new(StringComparer.Ordinal)
    {
        ["all"] = PairSelection.AllPairs,
        ["best-worst"] = PairSelection.BestVersusWorst,
        ["best-others"] = PairSelection.BestVersusRest,
        ["neighbours"] = PairSelection.Adjacent,
    };

    private readonly Setting<string> _objective = new("--objective")
    {
        CompletionSources = { _ => [.. Objectives.All.Select(o => new System.CommandLine.Completions.CompletionItem(o.Name))] },
        Recorded = value => value is not null && ObjectiveMix.Parse(value, out _) is { } mix ? mix.Name : value,
        Description = "The objective, or several with their weights (dpo=1,mle=0.2): "
            + string.Join("; ", Objectives.All.Select(o => o.Help)) + ".",
        DefaultValueFactory = _ => Objectives.Usual,
    };

    private readonly Setting<double?> _margin = Constant("--margin", "Margin per rank (Eq. 5).");
    private readonly Setting<double?> _lambda = Constant("--lambda", "Weight of the likelihood term (Eq. 6).");
    private readonly Setting<double?> _beta = Constant("--beta", "Inverse temperature of objectives that have one.");
    private readonly Setting<double?> _gamma = Constant("--gamma", "Target margin of objectives that have one.");
    private readonly Setting<double?> _clipLow = Clip("--clip-low", "How far below 1 a likelihood ratio counts.");
    private readonly Setting<double?> _clipHigh = Clip("--clip-high", "How far above 1 a likelihood ratio counts.");
    private readonly Setting<string> _pairs = new("--pairs")
    {
        Among = [.. Selections.Keys],
        Description = "Which pairs of candidates a pairwise objective compares.",
        DefaultValueFactory = _ => "all",
    };
    private readonly Setting<string> _reduction = new("--reduction")
    {
        Among = ["paper", "released"],
        Description = "For tuna: paper (sum over pairs) or released (as the authors' code computes it).",
        DefaultValueFactory = _ => "paper",
    };
    private readonly Setting<string?> _referenceModel = new("--reference-model")
    {
        Effect = Effect.Content,
        Description = "Frozen policy of dpo, ipo, rso, lipo, listmle-ratio, rloo and gspo with --beta; the model itself when left out.",
    };
    private readonly Setting<string> _oldPolicy = new("--old-policy")
    {
        Among = [Start, Drawn],
        Unrecorded = value => value is null or Start,
        Description =
            "For gspo: whose log-probabilities its ratio starts from. start: the model's before the first step, which drew the responses "
            + "where it is sampled from and trained in turns; rows: those in the rows, as `tuna sample` writes them.",
        DefaultValueFactory = _ => Start,
    };

    private IReadOnlyList<Setting<double?>> Constants => [_margin, _lambda, _beta, _gamma, _clipLow, _clipHigh];

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_objective, .. Constants, _pairs, _reduction, _referenceModel, _oldPolicy])
            command.Options.Add(option);
        command.Validators.Add(Check);
    }

    /// <summary>The folder of the frozen policy, when it was given.</summary>
    public string? ReferenceModel(ParseResult parse) => parse.GetValue(_referenceModel);

    /// <summary>Whether the log-probabilities of the policy that drew the responses are those in the rows.</summary>
    public bool TakesDrawnLogProbs(ParseResult parse) => parse.GetValue(_oldPolicy) == Drawn;

    /// <summary>The loss, and its name here.</summary>
    public (IRankingLoss Loss, string Name) Create(ParseResult parse)
    {
        ObjectiveMix mix = ObjectiveMix.Parse(parse.GetValue(_objective)!, out string? error)
            ?? throw new StageException(error!, ExitCodes.Usage);
        return (mix.Create(Settings), mix.Name);

        ObjectiveSettings Settings(Objective objective) => new(
            objective.Constants.ToDictionary(c => c.Name, c => parse.GetValue(Constants.Single(o => o.Key == c.Name)) ?? c.Value,
                StringComparer.Ordinal),
            Selections[parse.GetValue(_pairs)!],
            parse.GetValue(_reduction) == "released" ? MarginReduction.Released : MarginReduction.Paper);
    }

    private void Check(CommandResult result)
    {
        // What was not given has no value yet here, not even its default.
        string name = result.GetValue(_objective) ?? Objectives.Usual;
        if (ObjectiveMix.Parse(name, out string? error) is not { } mix)
        {
            result.AddError(error!);
            return;
        }

        foreach (Setting<double?> constant in Constants)
            Count(constant, o => o.Constants.Any(own => own.Name == constant.Key));
        Count(_pairs, o => o.TakesPairs);
        Count(_reduction, o => o.TakesReduction);
        LossNeeds needs = Needs(mix, result);
        if (!needs.ReferencePolicy)
            Refuse(_referenceModel, " It has no frozen policy.");
        if (!needs.OldPolicy)
            Refuse(_oldPolicy, " It takes no ratio to an old policy.");

        void Count(Option option, Func<Objective, bool> takes)
        {
            string[] takers = [.. mix.Terms.Select(t => t.Objective).Where(takes).Select(o => o.Name)];
            if (takers.Length == 0)
                Refuse(option, "");
            else if (takers.Length > 1 && option != _pairs && result.GetResult(option) is { Implicit: false })
                result.AddError(
                    $"{option.Name} would be the same for {string.Join(" and ", takers)}, which mean different things by it. Leave it out, "
                    + $"so that each has its own value, or mix the losses in a program (MixedLoss).");
        }

        void Refuse(Option option, string why)
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError(
                    $"{option.Name} has no effect on --objective {mix.Name}: {Takes(mix)}.{why} Leave {option.Name} out, or "
                    + $"choose another objective.");
        }
    }

    // With the constants that were given: a penalty of weight 0 needs nothing. One that is out of range has its own error.
    private LossNeeds Needs(ObjectiveMix mix, CommandResult result)
    {
        try
        {
            return Objectives.NeedsOf(mix, Constants.Where(c => result.GetResult(c) is { Implicit: false, Tokens.Count: > 0 })
                .Select(c => (c.Name, (string?)result.GetResult(c)!.Tokens[^1].Value)));
        }
        catch (ArgumentOutOfRangeException e)
        {
            result.AddError($"--objective {mix.Name}: {e.Message.Split('(')[0].Trim()}");
            return new() { ReferencePolicy = true, OldPolicy = true };
        }
    }

    private static Setting<double?> Clip(string name, string about) => new(name)
    {
        Range = Rule.OrNone(Rule.AtLeast(0.0)),
        Unrecorded = value => value is null,
        Description = about,
    };

    private static string Takes(ObjectiveMix mix) => mix.Terms is [var (only, _)]
        ? only.Takes : string.Join("; ", mix.Terms.Select(t => $"{t.Objective.Name}: {t.Objective.Takes}"));

    private static Setting<double?> Constant(string name, string about) => new(name)
    {
        Range = Rule.OrNone(Rule.AtLeast(0.0)),
        Description = about,
    };
}
