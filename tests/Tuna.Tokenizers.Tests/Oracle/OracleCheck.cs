using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Tuna.Tokenizers.Json;

namespace Tuna.Tokenizers.Tests.Oracle;

/// <summary>Compares a tokenizer.json here with the same file in Hugging Face's own tokenizers.</summary>
internal static class OracleCheck
{
    /// <summary>Skips a test by name where the native library of the oracle is not at hand.</summary>
    public static void Require() =>
        Skip.IfNot(OperatingSystem.IsLinux()
            && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64,
            "Tokenizers.DotNet.runtime.linux-x64, Hugging Face's own tokenizers, runs on Linux x64 only.");

    /// <summary>Fails with the first texts whose ids or decoding differ; returns the first 20 bytes of the SHA-256 of all ids.</summary>
    public static string Same(string path, IReadOnlyList<string> texts, bool decode = true)
    {
        Require();
        using var theirs = new global::Tokenizers.DotNet.Tokenizer(path);
        (string any, TextFrame frame) = TokenAndFrame(path);
        HuggingFaceTokenizer ours = HuggingFaceTokenizer.LoadFile(path, new() { EosToken = any, BosToken = "" });
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var different = new List<string>();
        foreach (string text in texts)
        {
            int[] expected = [.. theirs.Encode(text).Select(id => (int)id)];
            int[] actual = [.. frame.Before.Select(t => t.Id), .. ours.EncodeWithSpecialTokens(text), .. frame.After.Select(t => t.Id)];
            Add(hash, actual);
            if (!actual.SequenceEqual(expected))
                different.Add($"{JsonSerializer.Serialize(text)}: expected {string.Join(' ', expected)}, here {string.Join(' ', actual)}");
            else if (decode && expected.Length > 0 && theirs.Decode([.. expected.Select(id => (uint)id)]) is { } shown
                && ours.Decode(expected) is { } decoded && shown != decoded)
                different.Add(
                    $"decoding {string.Join(' ', expected)}: expected {JsonSerializer.Serialize(shown)}, here "
                    + $"{JsonSerializer.Serialize(decoded)}");
        }

        Assert.True(different.Count == 0,
            $"{Path.GetFileName(path)}: {different.Count} of {texts.Count} texts differ.\n{string.Join('\n', different.Take(5))}");
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..40];
    }

    private static void Add(IncrementalHash hash, int[] ids)
    {
        var bytes = new byte[4 * (ids.Length + 1)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, ids.Length);
        for (int i = 0; i < ids.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * (i + 1)), ids[i]);
        hash.AppendData(bytes);
    }

    /// <summary>Any token, to stand for the end token, which a tokenizer.json does not name; and what the post-processor adds.</summary>
    private static (string Token, TextFrame Frame) TokenAndFrame(string path)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        JsonElement vocabulary = document.RootElement.GetProperty("model").GetProperty("vocab");
        string token = vocabulary.ValueKind == JsonValueKind.Array
            ? vocabulary[0][0].GetString()! : vocabulary.EnumerateObject().First().Name;
        bool processed = document.RootElement.TryGetProperty("post_processor", out JsonElement processor)
            && processor.ValueKind == JsonValueKind.Object;
        return (token, processed ? PostProcessorReader.Read(processor, path) : TextFrame.Empty);
    }
}
