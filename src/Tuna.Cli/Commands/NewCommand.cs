using System.CommandLine;
using System.Globalization;
using Tuna.IO;
using Tuna.Llama.Managed;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Makes a model with random weights.</summary>
internal sealed class NewCommand : StageCommand
{
    public const string Summary =
        "Makes a small LLaMA with random weights for the byte tokenizer: something to try the recipe on. It knows nothing until `tuna "
        + "sft` has taught it.";

    private readonly Setting<string> _out =
        new("--out", "-o") { Effect = Effect.Course, Description = "The folder to make.", Required = true };
    private readonly Setting<string> _size = new("--size")
    {
        Among = [.. ModelSizes.All.Select(s => s.Name)],
        Description = "One of: " + string.Join("; ", ModelSizes.All.Select(s => $"{s.Name} (width {s.Width}, {s.Layers} layers)")) + ".",
        DefaultValueFactory = _ => "tiny",
    };
    private readonly Setting<int> _context =
        new("--context") { Range = Rule.AtLeast(2), Description = "Longest sequence in tokens.", DefaultValueFactory = _ => 1024 };
    private readonly Setting<ulong> _seed = new("--seed") { Description = "Seed of the weights." };

    public NewCommand(App app)
        : base(app, "new", Summary)
    {
        Options.Add(_out);
        Options.Add(_size);
        Options.Add(_context);
        Options.Add(_seed);
        Examples = ["tuna new --out base --size tiny --seed 1"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string folder = parse.GetValue(_out)!;
        string size = parse.GetValue(_size)!;
        int context = parse.GetValue(_context);
        ulong seed = parse.GetValue(_seed);
        Fingerprint settings = Fingerprint.Of(parse);
        if (ModelRecord.IsFinished(folder, settings))
            return Task.FromResult(Result(folder, "is there already", 0));
        using ManagedLlama model = ManagedLlama.Create(ModelSizes.Config(size, context), new() { Seed = seed, Threads = 1 });
        AtomicFolder.Write(folder, partial =>
        {
            model.SaveModel(partial);
            ModelRecord.Write(partial, settings, new() { ["parameters"] = model.Info.ParameterCount });
        });
        return Task.FromResult(Result(folder, $"made: {model.Info.ParameterCount.ToString("N0", CultureInfo.InvariantCulture)} parameters",
            model.Info.ParameterCount));
    }

    private static StageResult Result(string folder, string what, long parameters) => new($"{folder} {what}", new()
    {
        ["out"] = folder,
        ["parameters"] = parameters,
    });
}
