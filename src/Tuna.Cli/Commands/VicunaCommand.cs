using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Evaluation.Predictions;
using Tuna.Evaluation.Vicuna;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Services;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Vicuna QA.</summary>
internal sealed class VicunaCommand : EvaluationCommand
{
    private readonly PolicyOptions _policy =
        new(required: false,
        about: "The model that answers: a folder in the Hugging Face layout. Its answers are kept in OUT.predictions.jsonl.");
    private readonly Setting<string?> _answers =
        new("--answers") { Description = "Instead of --model: a file of answers (FastChat's forms, or id and prediction)." };
    private readonly Setting<string> _questions =
        new("--questions") { Description = "The questions (question_id, category, turns or text), JSONL.", Required = true };
    private readonly Setting<string> _baseline =
        new("--baseline") { Description = "The answers that it is compared with, in the same forms.", Required = true };
    private readonly Setting<string?> _references =
        new("--references") { Description = "Reference answers, which the current protocol shows the judge for math and coding." };
    private readonly Setting<string> _judge =
        new("--judge", "-j") { Description = "openai:MODEL. Calls are kept in OUT.calls.jsonl; nothing is asked twice.", Required = true };
    private readonly Setting<string> _protocol = new("--protocol")
    {
        Among = ["2023", "current"],
        Description = "2023 (two scores on the first line, one order) or current ([[A]], [[B]] or [[C]], both orders).",
        DefaultValueFactory = _ => "current",
    };
    private readonly Setting<bool> _lenient =
        new("--lenient") { Description = "Read replies more generously than the official code; the result says so." };
    private readonly Setting<int> _maxNewTokens = new("--max-new-tokens")
    {
        Range = Rule.AtLeast(1),
        Description = "Most tokens of an answer of --model.",
        DefaultValueFactory = _ => 1024,
    };
    private readonly ShardOption _shard = new();
    private readonly ServiceOptions _service = new();

    public VicunaCommand(App app)
        : base(app, "vicuna",
            "Vicuna QA: a strong model compares answers pairwise; wins, losses, ties and the adjusted win rate with a bootstrap interval.")
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_answers, _questions, _baseline, _references, _judge, _protocol, _lenient, _maxNewTokens,
            _shard])
            Options.Add(option);
        _service.AddTo(this);
        Validators.Add(result =>
        {
            if ((result.GetValue(_answers) is null) == (_policy.Folder(result) is null))
                result.AddError("Give either --model FOLDER or --answers FILE.");
            if (result.GetValue(_answers) is not null && result.GetValue(_shard) is not null)
                result.AddError("--shard shares out the answers that a --model makes; those of --answers are there already.");
        });
        Examples =
            ["tuna evaluate vicuna --model tuna --questions question.jsonl --baseline alpaca-answers.jsonl --judge openai:gpt-4o --out "
            + "tuna.vicuna.json"];
    }

    protected override async Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        string judge = parse.GetValue(_judge)!;
        if (!judge.StartsWith("openai:", StringComparison.Ordinal) || judge.Length == "openai:".Length)
            throw new StageException($"--judge {judge} is not understood: here it is openai:MODEL.", ExitCodes.Usage);
        var issues = new List<string>();
        IReadOnlyList<VicunaQuestion> questions = VicunaQuestion.Load(InputFile.Require(parse.GetValue(_questions)!), issues);
        string baseline = InputFile.Require(parse.GetValue(_baseline)!);
        if (Answers(parse, output, questions, ui, cancellationToken) is not { } answers)
            return null;
        bool lenient = parse.GetValue(_lenient);
        string judgeModel = judge["openai:".Length..];
        using ServiceConnection service =
            await _service.OpenAsync(parse, judgeModel, output + ".calls.jsonl", Protocol.Chat,
            CallEstimate.Comparing(questions.Count, parse.GetValue(_maxNewTokens)), ui, whole: null, cancellationToken);
        var evaluation = new VicunaEvaluation(service.Client, parse.GetValue(_protocol) == "2023"
            ? new ScoreProtocol(lenient) : new VerdictProtocol(lenient), new VicunaOptions
        {
            JudgeModel = judgeModel,
            MaxParallelMatches = _service.Parallel(parse),
        });
        VicunaReport report = await ui.MeasureAsync("judging", "matches", questions.Count, 0, meter => evaluation.RunAsync(
            questions,
            answers,
            VicunaAnswers.Load(Path.GetFileNameWithoutExtension(baseline), baseline),
            parse.GetValue(_references) is { } references ? VicunaAnswers.Load("reference", InputFile.Require(references)) : null,
            new CountMeter(meter, () => service.CostText),
            cancellationToken));
        if (report.Overall.Wins + report.Overall.Losses + report.Overall.Ties == 0)
            throw new StageException($"No match could be judged. {(report.Issues.Count > 0 ? report.Issues[0] : "")}", ExitCodes.Service);
        return new($"vicuna-{parse.GetValue(_protocol)}", report.Model,
        [
            ("adjusted_win_rate", report.Overall.AdjustedWinRate),
            ("wins", report.Overall.Wins),
            ("losses", report.Overall.Losses),
            ("ties", report.Overall.Ties),
            ("errors", report.Overall.Errors),
        ], Details(report), [.. issues, .. report.Issues]);
    }

    // Null where only a share of them was made.
    private VicunaAnswers? Answers(ParseResult parse, string output, IReadOnlyList<VicunaQuestion> questions, StageUi ui,
        CancellationToken cancellationToken)
    {
        if (parse.GetValue(_answers) is { } file)
            return VicunaAnswers.Load(ModelName(parse, file), InputFile.Require(file));
        using LoadedPolicy loaded = _policy.Load(parse);
        var runner = new PredictionRunner(loaded.Policy, loaded.Tokenizer, new() { ModelName = ContentHash.Of(loaded.Folder) });
        IReadOnlyList<EvaluationPrompt> prompts = VicunaQuestion.Prompts(questions, maxNewTokens: parse.GetValue(_maxNewTokens));
        string path = _shard.PathOf(parse, output + ".predictions.jsonl");
        ShardRows<EvaluationPrompt> share = _shard.Take(parse, prompts, prompt => prompt.Id);
        PredictionSet made = ui.Measure("answering", "questions", share.Rows.Count, 0,
            meter => runner.Run(share.Rows, path, new PredictionMeter(meter), cancellationToken));
        if (_shard.Of(parse) is null)
            return VicunaAnswers.From(ModelName(parse, loaded.Folder), made);
        share.Complete(path, Fingerprint.Of(parse), made.All.Select(prediction => prediction.Id));
        return null;
    }

    private static JsonObject Details(VicunaReport report) => new()
    {
        ["baseline"] = report.Baseline,
        ["protocol"] = report.Protocol,
        ["interval"] = report.Overall.Interval is { } i ? new JsonObject { ["low"] = i.Low, ["high"] = i.High, ["level"] = i.Level } : null,
        ["categories"] = new JsonObject(
            report.Categories.Select(c =>
            KeyValuePair.Create(c.Name, (JsonNode?)new JsonObject
            {
                ["wins"] = c.Wins,
                ["losses"] = c.Losses,
                ["ties"] = c.Ties,
                ["errors"] = c.Errors,
            }))),
    };
}
