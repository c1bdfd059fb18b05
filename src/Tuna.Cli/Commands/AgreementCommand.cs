using System.CommandLine;
using Tuna.Evaluation.Measures;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>How far two rankings of the same responses agree.</summary>
internal sealed class AgreementCommand : EvaluationCommand
{
    private readonly Setting<string> _data =
        new("--data", "-d") { Description = "Rows ranked by the judge who counts (people, or a strong model), JSONL.", Required = true };
    private readonly Setting<string> _with = new("--with")
    {
        Description = "The same rows ranked by another: a reward model, a likelihood, a second judge.",
        Required = true,
    };

    public AgreementCommand(App app)
        : base(app, "agreement",
            "How far two rankings of the same responses agree: pairwise accuracy, Spearman, Kendall (Appendix G), beside what length "
            + "alone would get, and the length bias of both.")
    {
        Options.Add(_data);
        Options.Add(_with);
        Examples = ["tuna evaluate agreement --data human.jsonl --with gpt4.jsonl --out agreement.json"];
    }

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        string with = parse.GetValue(_with)!;
        RankingAgreement agreement = RankingAgreement.Of(Rows.Ranked(parse.GetValue(_data)!), Rows.Ranked(with), cancellationToken);
        if (agreement.Measures.Rows == 0)
            throw new StageException($"No row can be compared. {(agreement.Issues.Count > 0 ? agreement.Issues[0] : "")}");
        return Task.FromResult<EvaluationResult?>(
            new EvaluationResult("agreement", ModelName(parse, with), RankerFigures.Of(agreement.Measures),
            new() { ["intervals"] = RankerFigures.Intervals(agreement.Measures) }, agreement.Issues));
    }
}
