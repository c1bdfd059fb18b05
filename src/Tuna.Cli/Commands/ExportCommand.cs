using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Models.Gguf;

namespace Tuna.Cli.Commands;

/// <summary>Writes a model for other programs.</summary>
internal sealed class ExportCommand : StageCommand
{
    public const string Summary =
        "Writes a model with its tokenizer and chat template as a GGUF file, for llama.cpp, Ollama, LLamaSharp and the like.";

    private readonly Setting<string> _model =
        new("--model", "-m") { Description = "The model: a folder in the Hugging Face layout, with its own tokenizer.", Required = true };
    private readonly Setting<string> _out = new("--out", "-o") { Description = "The file, *.gguf.", Required = true };
    private readonly Setting<string> _precision = new("--precision")
    {
        Among = ["f32", "f16", "bf16", "q8_0"],
        Description = "How matrices are stored: in single precision, in 16 bits, or in a byte each.",
        DefaultValueFactory = _ => "f16",
    };

    public ExportCommand(App app)
        : base(app, "export", Summary)
    {
        foreach (Option option in (Option[])[_model, _out, _precision])
            Options.Add(option);
        Examples = ["tuna export --model tuned --out tuned.gguf", "tuna export --model tuned --out tuned.gguf --precision q8_0"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            string model = parse.GetValue(_model)!, output = parse.GetValue(_out)!;
            ModelFolder.Require(model);
            if (!output.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
                throw new StageException($"--out {output}: a GGUF file's name ends in .gguf.");
            GgufPrecision precision =
                parse.GetValue(_precision) switch { "f32" => GgufPrecision.F32, "bf16" => GgufPrecision.BF16, "q8_0" => GgufPrecision.Q8,
                _ => GgufPrecision.F16 };
            if (!File.Exists(Path.Combine(model, "tokenizer.model")) && !File.Exists(Path.Combine(model, "tokenizer.json")))
                throw new StageException(
                    $"{model} has no tokenizer of its own (tokenizer.model or tokenizer.json), without which a GGUF file is of no use; "
                    + $"the byte tokenizer has no form in GGUF.");
            GgufExport.Write(model, output, precision, GgufTokens.Read(model));
            long bytes = new FileInfo(output).Length;
            return new StageResult(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{output}: {bytes / 1e6:0.#} MB"),
                new() { ["out"] = output, ["bytes"] = bytes });
        },
        cancellationToken);
}
