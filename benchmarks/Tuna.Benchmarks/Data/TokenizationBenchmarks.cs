using BenchmarkDotNet.Attributes;
using Tuna.Benchmarks.HotPaths;
using Tuna.Data;
using Tuna.Data.Groups;

namespace Tuna.Benchmarks.Data;

/// <summary>Ranked rows to token groups, the prompt encoded once per row, against encoding prompt + response for every response.</summary>
[MemoryDiagnoser]
public class TokenizationBenchmarks
{
    private readonly GroupTokenizer _tokenizer = new(ByteTokenizer.Instance, options: new GroupTokenizerOptions { MaxLength = 8192 });
    private RankedExample[] _rows = [];

    [GlobalSetup]
    public void Setup()
    {
        _rows = [.. JsonlCommand.Rows(1_000_000)];
        if (Groups() != _rows.Length)
            throw new InvalidOperationException("A row was rejected.");
    }

    [Benchmark]
    public int Groups() => _tokenizer.Tokenize(_rows).Count();

    [Benchmark(Baseline = true)]
    public int PromptPerResponse()
    {
        int tokens = 0;
        foreach (RankedExample row in _rows)
        {
            foreach (string output in row.Outputs)
                tokens += _tokenizer.EncodePrompt(row.Instruction, row.Input).Length + _tokenizer.EncodeResponse(output).Length;
        }

        return tokens;
    }
}
