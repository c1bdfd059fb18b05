using System.CommandLine;
using System.CommandLine.Parsing;
using Tuna.Cli.Hosting;
using Tuna.Losses;

namespace Tuna.Cli.Training;

/// <summary>The objective of a training, with its constants. What the chosen objective does not take is refused.</summary>
internal sealed class ObjectiveOptions
{
    private static readonly Dictionary<string, PairSelection> Selections = new(StringComparer.Ordinal)
    {
        ["all"] = PairSelection.AllPairs,
        ["best-worst"] = PairSelection.BestVersusWorst,
        ["best-others"] = PairSelection.BestVersusRest,
        ["neighbours"] = PairSelection.Adjacent,
    };

    private readonly Setting<string> _objective = new("--objective")
    {
        Among = [.. Objectives.All.Select(o => o.Name)],
        Description = "The objective: " + string.Join("; ", Objectives.All.Select(o => o.Help)) + ".",
        DefaultValueFactory = _ => Objectives.Usual,
    };

    private readonly Setting<double?> _margin = Constant("--margin", "Margin per rank (Eq. 5).");
    private readonly Setting<double?> _lambda = Constant("--lambda", "Weight of the likelihood term (Eq. 6).");
    private readonly Setting<double?> _beta = Constant("--beta", "Inverse temperature of objectives that have one.");
    private readonly Setting<double?> _gamma = Constant("--gamma", "Target margin of objectives that have one.");
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
        Description = "Frozen policy of dpo, ipo, rso, lipo and listmle-ratio; the model itself when left out.",
    };

    private IReadOnlyList<Setting<double?>> Constants => [_margin, _lambda, _beta, _gamma];

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_objective, .. Constants, _pairs, _reduction, _referenceModel])
            command.Options.Add(option);
        command.Validators.Add(Check);
    }

    /// <summary>The folder of the frozen policy, when it was given.</summary>
    public string? ReferenceModel(ParseResult parse) => parse.GetValue(_referenceModel);

    /// <summary>The loss, and its name here.</summary>
    public (IRankingLoss Loss, string Name) Create(ParseResult parse)
    {
        Objective objective = Objectives.Find(parse.GetValue(_objective)!);
        var constants = objective.Constants.ToDictionary(c => c.Name, c => parse.GetValue(Constants.Single(o => o.Key == c.Name))
            ?? c.Value, StringComparer.Ordinal);
        var settings = new ObjectiveSettings(constants, Selections[parse.GetValue(_pairs)!], parse.GetValue(_reduction) == "released"
            ? MarginReduction.Released : MarginReduction.Paper);
        return (objective.Create(settings), objective.Name);
    }

    private void Check(CommandResult result)
    {
        // What was not given has no value yet here, not even its default.
        string name = result.GetValue(_objective) ?? Objectives.Usual;
        if (Objectives.All.FirstOrDefault(o => o.Name == name) is not { } objective)
            return; // has its own error
        foreach (Setting<double?> constant in Constants.Where(c => objective.Constants.All(own => own.Name != c.Key)))
            Refuse(constant, "");
        if (!objective.TakesPairs)
            Refuse(_pairs, "");
        if (!objective.TakesReduction)
            Refuse(_reduction, "");
        var own = new ObjectiveSettings(objective.Constants.ToDictionary(c => c.Name, c => c.Value, StringComparer.Ordinal),
            PairSelection.AllPairs, MarginReduction.Paper);
        if (!objective.Create(own).Needs.ReferencePolicy)
            Refuse(_referenceModel, " It has no frozen policy.");

        void Refuse(Option option, string why)
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError(
                    $"{option.Name} has no effect on --objective {objective.Name}: {objective.Takes}.{why} Leave {option.Name} out, or "
                    + $"choose another objective.");
        }
    }

    private static Setting<double?> Constant(string name, string about) => new(name)
    {
        Range = Rule.OrNone(Rule.AtLeast(0.0)),
        Description = about,
    };
}
