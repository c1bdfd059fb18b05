using System.CommandLine;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>The evaluations.</summary>
internal sealed class EvaluateCommand : StageCommand
{
    public const string Summary =
        "Measures a model, or a file of its predictions. Each evaluation writes a small result file; `tuna report` puts several side "
        + "by side.";

    public EvaluateCommand(App app)
        : base(app, "evaluate", Summary)
    {
        EvaluationCommand[] commands =
        [
            new SuperNaturalCommand(app),
            new LMentryCommand(app),
            new VicunaCommand(app),
            new NllCommand(app),
            new BertScoreCommand(app),
            new AgreementCommand(app),
            new HumanCommand(app),
            new CostCommand(app),
        ];
        foreach (EvaluationCommand command in commands)
            Subcommands.Add(command);
        Examples =
        [
            "tuna evaluate nll --model tuna --data held-out.jsonl --out tuna.nll.json",
            "tuna evaluate superni --model tuna --benchmark natural-instructions --shots 2 --out tuna.superni.json",
            "tuna report --result alpaca.nll.json --result tuna.nll.json --out report.html",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        throw new StageException("Which evaluation? One of: " + string.Join(", ", Subcommands.Select(c => c.Name))
            + ". See: tuna evaluate --help", ExitCodes.Usage);
}

/// <summary>One evaluation.</summary>
internal abstract class EvaluationCommand : StageCommand
{
    private readonly Setting<string> _out =
        new("--out", "-o") { Effect = Effect.Course, Description = "The result file (JSON).", Required = true };
    private readonly Setting<string?> _name =
        new("--name") { Effect = Effect.Course, Description = "The model's name in the result; by default that of its folder or file." };

    protected EvaluationCommand(App app, string name, string description)
        : base(app, name, description)
    {
        Options.Add(_out);
        Options.Add(_name);
    }

    public sealed override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        Task.Run(async () =>
    {
        string output = parse.GetValue(_out)!;
        InputFile.RefuseAsOutput(output);
        if (await EvaluateAsync(parse, output, ui, cancellationToken) is not { } result)
            return new StageResult(
                $"{output}: this share is done. When all are, merge {output}{SharedSuffix} and run the evaluation without --shard.", new()
                {
                    ["out"] = output,
                });
        result.Write(output);
        return result.ToStageResult(output);
    }, cancellationToken);

    /// <summary>What is appended to the result's name for the file that shares are merged into.</summary>
    protected virtual string SharedSuffix => ".predictions.jsonl";

    /// <summary>Measures; null where only a share was to be done.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="output">The result file to be; files that an interrupted evaluation resumes from lie beside it.</param>
    /// <param name="ui">Shows progress.</param>
    /// <param name="cancellationToken">Stops; what was done is kept.</param>
    protected abstract Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken);

    /// <summary>The model's name in the result.</summary>
    protected string ModelName(ParseResult parse, string path)
    {
        // A folder such as beta-1.3 has no extension to lose.
        string name = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return parse.GetValue(_name) ?? (Directory.Exists(name) ? Path.GetFileName(name) : Path.GetFileNameWithoutExtension(name));
    }
}
