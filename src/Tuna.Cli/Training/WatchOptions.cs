using System.CommandLine;
using System.CommandLine.Parsing;
using Tuna.Cli.Hosting;
using Tuna.Training;

namespace Tuna.Cli.Training;

/// <summary>Measuring on held-out rows while training goes on: which checkpoint is the best, and when it is enough.</summary>
internal sealed class WatchOptions
{
    private static readonly Dictionary<string, (string Metric, bool Rises)> Metrics = new(StringComparer.Ordinal)
    {
        ["loss"] = (HeldOutRows.Loss, false),
        ["nll"] = (HeldOutRows.Nll, false),
        ["pairs"] = (HeldOutRows.PairAccuracy, true),
        ["margin"] = (HeldOutRows.Margin, true),
    };

    private readonly Setting<int> _every = new("--eval-every")
    {
        Range = Rule.AtLeast(0),
        Unrecorded = value => value == 0,
        Description = "Steps between measurements on the held-out rows (loss, pairs in order, NLL); 0 measures before and after only.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Setting<string?> _by = new("--best-by")
    {
        Among = [.. Metrics.Keys],
        Unrecorded = value => value is null,
        Description = "What says which checkpoint is the best: loss, nll, pairs (share in the ranker's order) or margin. Default: loss.",
    };
    private readonly Setting<string> _save = new("--save")
    {
        Among = ["last", "best"],
        Unrecorded = value => value == "last",
        Description = "Which weights become the model: those of the last step, or of the best measurement.",
        DefaultValueFactory = _ => "last",
    };
    private readonly Setting<int> _patience = new("--patience")
    {
        Range = Rule.AtLeast(0),
        Unrecorded = value => value == 0,
        Description = "Ends training after so many measurements without an improvement; 0 never does.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Setting<double> _minDelta = new("--min-delta")
    {
        Range = Rule.AtLeast(0.0),
        Unrecorded = value => value == 0,
        Description = "What an improvement must exceed for --patience.",
        DefaultValueFactory = _ => 0,
    };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_every, _by, _save, _patience, _minDelta])
            command.Options.Add(option);
        command.Validators.Add(Check);
    }

    /// <summary>How a name of the command line is called in the metrics.</summary>
    public static string NameOf(string metric) => Metrics.Single(m => m.Value.Metric == metric).Key;

    public TrainerOptions AddTo(TrainerOptions options, ParseResult parse)
    {
        bool best = parse.GetValue(_save) == "best";
        bool watches = best || parse.GetValue(_patience) > 0 || parse.GetValue(_by) is not null;
        (string metric, bool rises) = Metrics[parse.GetValue(_by) ?? "loss"];
        return options with
        {
            EvaluateEverySteps = parse.GetValue(_every),
            WatchedMetric = watches ? metric : null,
            WatchedMetricRises = watches && rises,
            Patience = parse.GetValue(_patience),
            MinimumImprovement = parse.GetValue(_minDelta),
            EndWithBest = best,
        };
    }

    private void Check(CommandResult result)
    {
        if (result.GetValue(_every) == 0)
        {
            foreach (Option option in (Option[])[_by, _save, _patience, _minDelta])
                Refuse(option, "--eval-every: nothing is measured while training goes on");
        }
        else if (result.GetValue(_patience) == 0)
        {
            Refuse(_minDelta, "--patience");
        }

        void Refuse(Option option, string without)
        {
            if (result.GetResult(option) is { Implicit: false })
                result.AddError($"{option.Name} has no effect without {without}.");
        }
    }
}
