namespace Tuna.Cli.Commands;

/// <summary>The commands, in the order of the recipe. One is made when a command line names it: the options of all of them take as long as
/// the rest of a start.</summary>
internal static class AllCommands
{
    public static IReadOnlyList<CommandEntry> Table { get; } =
    [
        new("new", NewCommand.Summary, app => new NewCommand(app)),
        new("sft", SftCommand.Summary, app => new SftCommand(app)),
        new("sample", SampleCommand.Summary, app => new SampleCommand(app)),
        new("rank", RankCommand.Summary, app => new RankCommand(app)),
        new("train", TrainCommand.Summary, app => new TrainCommand(app)),
        new("prm", PrmCommand.Summary, app => new PrmCommand(app)),
        new("generate", GenerateCommand.Summary, app => new GenerateCommand(app)),
        new("chat <FOLDER>", ChatCommand.Summary, app => new ChatCommand(app)),
        new("evaluate", EvaluateCommand.Summary, app => new EvaluateCommand(app)),
        new("export", ExportCommand.Summary, app => new ExportCommand(app)),
        new("push <FOLDER> <NAME>", PushCommand.Summary, app => new PushCommand(app)),
        new("convert", ConvertCommand.Summary, app => new ConvertCommand(app)),
        new("merge", MergeCommand.Summary, app => new MergeCommand(app)),
        new("stats", StatsCommand.Summary, app => new StatsCommand(app)),
        new("scale", ScaleCommand.Summary, app => new ScaleCommand(app)),
        new("report", ReportCommand.Summary, app => new ReportCommand(app)),
        new("recipe", RecipeCommand.Summary, app => new RecipeCommand(app)),
        new("run <recipe>", RunCommand.Summary, app => new RunCommand(app)),
        new("rounds", RoundsCommand.Summary, app => new RoundsCommand(app)),
    ];
}

/// <summary>A command before it is made.</summary>
/// <param name="Usage">Its name and what follows it, as the program's help shows them.</param>
/// <param name="Summary">Its description.</param>
/// <param name="Create">Makes it.</param>
internal sealed record CommandEntry(string Usage, string Summary, Func<Hosting.App, StageCommand> Create)
{
    /// <summary>The word that names it.</summary>
    public string Name => Usage.Split(' ')[0];
}
