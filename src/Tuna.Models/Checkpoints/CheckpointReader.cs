using System.Text.Json;
using Tuna.Text;

namespace Tuna.Models.Checkpoints;

/// <summary>The tensors of a Hugging Face model folder: <c>model.safetensors</c>, or the shards that <c>model.safetensors.index.json</c>
/// lists.</summary>
/// <remarks>Never reads pickled files (<c>*.bin</c>, <c>*.pt</c>), which run code. Reading is thread-safe until
/// <see cref="Dispose"/>.</remarks>
public sealed class CheckpointReader : IDisposable
{
    internal const string SingleFile = "model.safetensors";
    internal const string IndexFile = "model.safetensors.index.json";
    private const string Embedding = "model.embed_tokens.weight", OutputLayer = "lm_head.weight", ScalarHead = "score.weight";
    private readonly Dictionary<string, SafetensorsFile> _owners = new(StringComparer.Ordinal);
    private readonly List<SafetensorsFile> _files = [];

    private CheckpointReader(string folder) => Folder = folder;

    /// <summary>The model folder.</summary>
    public string Folder { get; }

    /// <summary>Names of all tensors.</summary>
    public IReadOnlyCollection<string> Names => _owners.Keys;

    /// <summary>A tensor's description.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public TensorInfo this[string name] => Owner(name)[name];

    /// <summary>Opens a model folder, or a single safetensors file.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder or file.</exception>
    /// <exception cref="InvalidDataException">There are no safetensors in it, a shard is missing or damaged, or the index disagrees with
    /// the shards.</exception>
    public static CheckpointReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var reader = new CheckpointReader(path);
        try
        {
            if (File.Exists(path))
                reader.Add(path);
            else if (!Directory.Exists(path))
                throw new DirectoryNotFoundException($"{path}: there is no such model folder.");
            else if (File.Exists(Path.Combine(path, SingleFile)))
                reader.Add(Path.Combine(path, SingleFile));
            else if (File.Exists(Path.Combine(path, IndexFile)))
                reader.AddShards(Path.Combine(path, IndexFile));
            else if (Directory.EnumerateFiles(path).Any(f => Path.GetExtension(f) is ".bin" or ".pt" or ".pth"))
                throw new InvalidDataException(
                    $"{path}: the weights are pickled (*.bin, *.pt), which can run code, so they are not read; convert them with "
                    + $"save_pretrained(..., safe_serialization=True).");
            else
                throw new InvalidDataException($"{path}: there is neither {SingleFile} nor {IndexFile}.");
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Compares the tensors with the parameters that a model has.</summary>
    public CheckpointDifferences Compare(IEnumerable<ParameterShape> expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        var missing = new List<ParameterShape>();
        var wrong = new List<(ParameterShape, TensorInfo)>();
        var unexpected = new HashSet<string>(_owners.Keys, StringComparer.Ordinal);
        foreach (ParameterShape parameter in expected)
        {
            if (!unexpected.Remove(parameter.Name))
                missing.Add(parameter);
            else if (!this[parameter.Name].Shape.SequenceEqual(parameter.Shape))
                wrong.Add((parameter, this[parameter.Name]));
        }
        return new CheckpointDifferences(Folder, missing, unexpected.Order(StringComparer.Ordinal).ToList(), wrong);
    }

    /// <summary>Checks, before a model is built, that the tensors are those of a config: nothing of a config is believed that the files do
    /// not bear out.</summary>
    /// <param name="config">The model's.</param>
    /// <param name="headMayBeMissing">Whether the output layer or the scalar head may be absent.</param>
    /// <exception cref="InvalidDataException">
    /// A tensor is missing, has no place in the model, or has another shape or a type that weights do not have; or a tied output layer is
    /// stored and differs from the embedding.
    /// </exception>
    public void Check(LlamaConfig config, bool headMayBeMissing = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate(Folder);
        if (config.LayerCount > _owners.Count)
            throw new InvalidDataException(
                $"{Folder}: config.json says num_hidden_layers {config.LayerCount}, but there are only {_owners.Count} tensors in all.");
        ParameterShape[] expected =
            [.. config.Parameters().Where(p => !(headMayBeMissing && p.Name is OutputLayer or ScalarHead) || _owners.ContainsKey(p.Name))];
        Compare(expected).ThrowIfUnusable(config);
        foreach (ParameterShape parameter in expected)
        {
            if (this[parameter.Name].DType is not (TensorDType.F32 or TensorDType.BF16 or TensorDType.F16))
                throw new InvalidDataException(
                    $"{Folder}: tensor '{parameter.Name}' is {this[parameter.Name].DType}; weights are F32, BF16 or F16.");
        }
        if (config.TieWordEmbeddings && !config.ScalarHead && _owners.ContainsKey(OutputLayer) && !AreSame(OutputLayer, Embedding))
        {
            throw new InvalidDataException(
                $"{Folder}: config.json says tie_word_embeddings, but the stored '{OutputLayer}' differs from '{Embedding}' and would be "
                    + $"dropped. " +
                "Set tie_word_embeddings to false to use it, or remove the tensor.");
        }
    }

    /// <summary>Reads a tensor as singles; 16-bit types are widened exactly.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another number of elements.</exception>
    public void Read(string name, Span<float> destination) => Owner(name).Read(name, destination);

    /// <summary>A tensor's stored bytes, in place; valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has 2 GiB or more.</exception>
    public ReadOnlySpan<byte> Bytes(string name) => Owner(name).Bytes(name);

    /// <summary>Checks that no element of a tensor is NaN or infinite.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or one is; the message names file, tensor and element.</exception>
    public void RequireFinite(string name) => Owner(name).RequireFinite(name);

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
            file.Dispose();
    }

    private bool AreSame(string one, string other)
    {
        TensorInfo a = this[one], b = this[other];
        if (a.DType != b.DType || !a.Shape.SequenceEqual(b.Shape))
            return false;
        byte[] left = new byte[1 << 20], right = new byte[1 << 20];
        for (long at = 0; at < a.ByteLength; at += left.Length)
        {
            int count = (int)Math.Min(left.Length, a.ByteLength - at);
            Owner(one).ReadBytes(a, at, left.AsSpan(0, count));
            Owner(other).ReadBytes(b, at, right.AsSpan(0, count));
            if (!left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)))
                return false;
        }
        return true;
    }

    private SafetensorsFile Owner(string name) =>
        _owners.TryGetValue(name, out SafetensorsFile? file)
            ? file : throw new InvalidDataException($"{Folder}: there is no tensor '{name}'.");

    private SafetensorsFile Add(string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (string name in file.Tensors.Keys)
        {
            if (!_owners.TryAdd(name, file))
                throw new InvalidDataException($"{path}: tensor '{ForeignText.Shorten(name)}' is also in {_owners[name].Path}.");
        }
        return file;
    }

    private void AddShards(string index)
    {
        var shards = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        foreach ((string tensor, string shard) in ReadWeightMap(index))
        {
            if (!shards.TryGetValue(shard, out SafetensorsFile? file))
            {
                string path = Path.Combine(Path.GetDirectoryName(index)!, shard);
                if (!File.Exists(path))
                    throw new InvalidDataException($"{index}: shard '{ForeignText.Shorten(shard)}' is missing.");
                shards[shard] = file = Add(path);
            }
            if (!file.Tensors.ContainsKey(tensor))
                throw new InvalidDataException(
                    $"{index}: tensor '{ForeignText.Shorten(tensor)}' is not in shard '{ForeignText.Shorten(shard)}'.");
        }
    }

    private static Dictionary<string, string> ReadWeightMap(string index)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using JsonDocument document = JsonDocument.Parse(RegularFile.ReadJson(index));
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement weights) || weights.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException($"{index}: there is no object 'weight_map'.");
            foreach (JsonProperty entry in weights.EnumerateObject())
            {
                // A shard is a file of this very folder: a path that leaves it is an attack or a mistake.
                if (entry.Value.ValueKind != JsonValueKind.String || entry.Value.GetString() is not { Length: > 0 } shard
                    || shard != Path.GetFileName(shard) || shard is "." or "..")
                    throw new InvalidDataException(
                        $"{index}: tensor '{ForeignText.Shorten(entry.Name)}' is not mapped to a file name of this folder.");
                if (!map.TryAdd(entry.Name, shard))
                    throw new InvalidDataException($"{index}: tensor '{ForeignText.Shorten(entry.Name)}' appears twice.");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{index}: not valid JSON: {e.Message}", e);
        }
        return map;
    }
}

/// <summary>How a checkpoint's tensors differ from a model's parameters.</summary>
/// <param name="Folder">The checkpoint.</param>
/// <param name="Missing">Parameters without a tensor.</param>
/// <param name="Unexpected">Tensors that are no parameter, such as <c>rotary_emb.inv_freq</c> in old checkpoints or the copy of a tied
/// embedding.</param>
/// <param name="WrongShape">Parameters whose tensor has another shape.</param>
public sealed record CheckpointDifferences(string Folder, IReadOnlyList<ParameterShape> Missing, IReadOnlyList<string> Unexpected,
    IReadOnlyList<(ParameterShape Expected, TensorInfo Found)> WrongShape)
{
    /// <summary>Throws when a parameter is missing or has another shape; unexpected tensors are no obstacle.</summary>
    /// <exception cref="InvalidDataException">Names the first parameters concerned.</exception>
    public void ThrowIfUnusable()
    {
        if (WrongShape.Count > 0)
        {
            throw new InvalidDataException($"{Folder}: {WrongShape.Count} tensors have another shape than config.json says: " +
                string.Join("; ", WrongShape.Take(3).Select(w => $"{w.Expected}, found [{string.Join(", ", w.Found.Shape)}]")));
        }
        if (Missing.Count > 0)
        {
            throw new InvalidDataException($"{Folder}: {Missing.Count} tensors are missing: {string.Join("; ", Missing.Take(3))}." +
                (Unexpected.Count > 0
                    ? $" {Unexpected.Count} are unexpected: "
                    + $"{string.Join(", ", Unexpected.Take(3).Select(name => ForeignText.Shorten(name)))}." : ""));
        }
    }

    /// <summary>Throws when a parameter is missing or has another shape, or when there is a tensor that the model has no place for and
    /// would silently compute without.</summary>
    /// <param name="config">The model's.</param>
    /// <exception cref="InvalidDataException">Names the first tensors concerned.</exception>
    public void ThrowIfUnusable(LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        ThrowIfUnusable();
        if (Unexpected.Where(name => !IsHarmless(name, config)).ToList() is { Count: > 0 } strange)
            throw new InvalidDataException(
                $"{Folder}: {strange.Count} tensors are not of the model that config.json describes, which would compute without them: "
                + $"{string.Join(", ", strange.Take(3).Select(name => ForeignText.Shorten(name)))}.");
    }

    // Old checkpoints store the rotary frequencies, some a copy of a tied embedding; a reward model has no use for a policy's output layer.
    private static bool IsHarmless(string name, LlamaConfig config) =>
        name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal)
            || (name == "lm_head.weight" && (config.TieWordEmbeddings || config.ScalarHead));
}
