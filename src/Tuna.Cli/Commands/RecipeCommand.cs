using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Cli.Hosting;
using Tuna.Cli.Recipes;
using Tuna.Cli.Telemetry;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Names and shows the recipes.</summary>
internal sealed class RecipeCommand : StageCommand
{
    public RecipeCommand(App app)
        : base(app, "recipe", "Lists and shows the named recipes: the paper's variants, each a small JSON file.")
    {
        Subcommands.Add(new RecipeListCommand(app));
        Subcommands.Add(new RecipeShowCommand(app));
        Examples = ["tuna recipe list", "tuna recipe show tuna-p --set data=alpaca.jsonl"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        Task.FromResult(RecipeListCommand.List());
}

internal sealed class RecipeListCommand(App app) : StageCommand(app, "list", "Names the recipes that come with the program.")
{
    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        Task.FromResult(List());

    public static StageResult List()
    {
        IReadOnlyList<Recipe> recipes = RecipeBook.All();
        string text = string.Join(Environment.NewLine,
            recipes.Select(r => $"{r.Name,-18} {r.Description}{(r.Paper is null ? "" : $" ({r.Paper})")}"));
        return new(
            $"{text}{Environment.NewLine}{Environment.NewLine}The files are in {RecipeBook.Folder}. Copy one, change it, and run it: tuna "
            + $"run my-recipe.json --work DIR.", new()
        {
            ["recipes"] = new JsonArray(
                [.. recipes.Select(r => (JsonNode)new JsonObject { ["name"] = r.Name, ["description"] = r.Description,
                ["paper"] = r.Paper })]),
        });
    }
}

/// <summary>Prints the commands that a recipe stands for.</summary>
internal sealed class RecipeShowCommand : StageCommand
{
    private readonly RecipeOptions _options = new();

    public RecipeShowCommand(App app)
        : base(app, "show", "Prints a recipe's parameters and the commands it stands for, without running them.")
    {
        _options.AddTo(this);
        Examples = ["tuna recipe show tuna --work runs/paper --set data=alpaca.jsonl --set base=llama-7b"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        RecipePlan plan = _options.Plan(parse);
        IReadOnlyList<PlannedStage> stages = plan.Stages(leaveOpen: true);
        var text = new System.Text.StringBuilder();
        text.AppendLine($"# {plan.Recipe.Name}: {plan.Recipe.Description}");
        foreach (var (name, value, about) in plan.Parameters)
            text.AppendLine($"#   {name} = {value ?? "(must be given)"}{(about.Length > 0 ? "    " + about : "")}");
        foreach (PlannedStage stage in stages)
            text.AppendLine(stage.ToString());
        return Task.FromResult(new StageResult(text.ToString().TrimEnd(), new()
        {
            ["recipe"] = plan.Recipe.Name,
            ["parameters"] = new JsonObject([.. plan.Parameters.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)p.Value))]),
            ["stages"] = new JsonArray([.. stages.Select(s => (JsonNode)new JsonObject
            {
                ["name"] = s.Name,
                ["arguments"] = new JsonArray([.. s.Arguments.Select(a => (JsonNode?)JsonValue.Create(a))]),
            })]),
        }));
    }
}

/// <summary>Runs a recipe.</summary>
internal sealed class RunCommand : StageCommand
{
    private readonly App _app;
    private readonly RecipeOptions _options = new();
    private readonly Setting<bool> _allowPartial = new("--allow-partial")
    {
        Effect = Effect.Course,
        Description = "Go on with the rows that could be done where a stage could not do all (exit code 3).",
    };

    public RunCommand(App app)
        : base(app, "run",
            "Runs a recipe, stage after stage, with files in between. Finished stages are skipped; an interrupted one goes on where it "
            + "was.")
    {
        _app = app;
        _options.AddTo(this);
        Options.Add(_allowPartial);
        Examples =
        [
            "tuna run tuna-p --work runs/paper --set data=alpaca.jsonl --set base=llama-7b",
            "tuna run lambda-sweep --work runs/lambda --set data=alpaca.jsonl --set base=base --set judge=policy:teacher",
            "tuna run my-recipe.json --work runs/mine",
        ];
    }

    public override async Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        RecipePlan plan = _options.Plan(parse);
        IReadOnlyList<PlannedStage> stages = plan.Stages();
        IReadOnlyList<string> inherited = [.. TelemetryOptions.Arguments(parse)];
        RecipeRun run = await new RecipeRunner(_app, _options.WorkFolder(parse), parse.GetValue(_allowPartial), inherited)
            .RunAsync(stages, ui, cancellationToken);
        string how = run.ExitCode == ExitCodes.Partial
            ? "some rows could not be done, and running it again does not change that. To go on without them add --allow-partial (or "
                + "\"allowPartial\": true to the stage in a recipe of your own)"
            : "mend it and run the same command again; finished stages are skipped";
        string text = run.FailedStage is { } failed
            ? $"Recipe {plan.Recipe.Name} stopped at stage {failed} (exit code {run.ExitCode}): {how}."
            : $"Recipe {plan.Recipe.Name}: {run.Ran} stages done, {run.Skipped} finished before. Last output: {stages[^1].Output}";
        return new(text, new()
        {
            ["recipe"] = plan.Recipe.Name,
            ["ran"] = run.Ran,
            ["skipped"] = run.Skipped,
            ["failed_stage"] = run.FailedStage,
            ["outputs"] = new JsonArray([.. stages.Select(s => (JsonNode?)JsonValue.Create(s.Output))]),
        }, run.ExitCode);
    }
}

/// <summary>What both commands ask for.</summary>
internal sealed class RecipeOptions
{
    private readonly Argument<string> _name =
        new("recipe") { Description = "A name from `tuna recipe list`, or a path that ends in .json." };
    private readonly Setting<string> _work =
        new("--work", "-w") { Description = "Folder for all files in between.", DefaultValueFactory = _ => "work" };
    private readonly Setting<string[]> _set = new("--set", "-s") { Description = "Sets a parameter: NAME=VALUE. May be repeated." };

    public void AddTo(Command command)
    {
        command.Arguments.Add(_name);
        command.Options.Add(_work);
        command.Options.Add(_set);
    }

    public string WorkFolder(ParseResult parse) => parse.GetValue(_work)!;

    public RecipePlan Plan(ParseResult parse)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string setting in parse.GetValue(_set) ?? [])
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
                throw new StageException($"--set {setting}: a parameter is set as NAME=VALUE.", ExitCodes.Usage);
            settings[setting[..equals]] = setting[(equals + 1)..];
        }

        return new(parse.GetValue(_name)!, WorkFolder(parse), settings);
    }
}
