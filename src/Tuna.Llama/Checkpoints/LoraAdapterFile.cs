using System.Buffers;
using System.Text.Json;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.IO;
using Tuna.Llama.Lora;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Checkpoints;

/// <summary>Adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors, which Python tools load.</summary>
internal static class LoraAdapterFile
{
    private const string ConfigName = "adapter_config.json";
    private const string WeightsName = "adapter_model.safetensors";

    public static void Save(CheckpointFiles files, LlamaBackbone model, TrainingParameters? training, string? baseModel)
    {
        LoraOptions lora = model.Lora ?? throw new InvalidOperationException("The policy has no adapters.");
        using DisposeScope scope = NewDisposeScope();
        List<(string Name, Tensor Tensor)> tensors =
            [.. ModelFiles.Weights(model, training).Where(w => model.TrainsBesideTheBase(w.Key)).Select(w => (w.Key, w.Value()))];
        using (SafetensorsWriter writer = files.Open(WeightsName,
            tensors.Select(t => new TensorSpec(LoraNames.Peft(t.Name), TensorDType.F32, t.Tensor.shape)), new Dictionary<string, string>
            {
                ["format"] = "pt",
            }))
        {
            foreach ((string name, Tensor tensor) in tensors)
                TensorFiles.Write(writer, LoraNames.Peft(name), tensor, TensorDType.F32);
            writer.Complete();
        }

        files.Write(ConfigName, Config(lora, baseModel, model));
    }

    public static void Load(string folder, LlamaBackbone model, TrainingParameters? training)
    {
        LoraOptions lora = model.Lora
            ?? throw new InvalidOperationException(
            "The policy has no adapters; open it with the options that LlamaPolicy.ReadAdapterOptions reads from the folder.");
        LoraOptions stored = ReadOptions(folder);
        if (stored.Rank != lora.Rank || stored.Alpha != lora.Alpha
            || !stored.TargetModules.Order().SequenceEqual(lora.TargetModules.Order()))
            throw new InvalidDataException(
                $"{Path.Combine(folder, ConfigName)}: rank {stored.Rank}, alpha {stored.Alpha}, modules "
                + $"{string.Join(", ", stored.TargetModules)} differ from the policy's rank {lora.Rank}, alpha {lora.Alpha}, modules "
                + $"{string.Join(", ", lora.TargetModules)}.");
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, WeightsName));
        var adapters = model.named_parameters().Where(p => model.TrainsBesideTheBase(p.name)).ToList();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in adapters)
        {
            if (!file.Tensors.TryGetValue(LoraNames.Peft(name), out TensorInfo? info) || !info.Shape.SequenceEqual(parameter.shape))
                throw new InvalidDataException(
                    $"{file.Path}: tensor '{LoraNames.Peft(name)}' is missing or is not [{string.Join(", ", parameter.shape)}].");
        }

        if (file.Tensors.Count != adapters.Count)
            throw new InvalidDataException($"{file.Path}: {file.Tensors.Count} tensors; the adapter has {adapters.Count}.");
        foreach (string name in file.Tensors.Keys)
            file.RequireFinite(name);
        using IDisposable mode = no_grad();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in adapters)
        {
            using Tensor stored1 = TensorFiles.Read(file.Bytes(LoraNames.Peft(name)), file[LoraNames.Peft(name)]);
            if (training?.List.FirstOrDefault(p => p.Name == name) is { } own)
                own.Assign(stored1);
            else
                parameter.copy_(stored1);
        }
    }

    public static LoraOptions ReadOptions(string folder)
    {
        string path = Path.Combine(folder, ConfigName);
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: there is no such file; the folder holds no PEFT adapter.");
        try
        {
            SpecialFile.Refuse(path);
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            if (root.GetProperty("peft_type").GetString() != "LORA")
                throw new InvalidDataException(
                    $"{path}: the adapter is of type {root.GetProperty("peft_type").GetString()}; supported is LORA.");
            foreach (string unsupported in new[] { "use_dora", "use_rslora", "fan_in_fan_out", "lora_bias" })
            {
                if (root.TryGetProperty(unsupported, out JsonElement flag) && flag.ValueKind == JsonValueKind.True)
                    throw new InvalidDataException($"{path}: {unsupported} is not supported.");
            }

            foreach (string pattern in new[] { "rank_pattern", "alpha_pattern" })
            {
                if (root.TryGetProperty(pattern, out JsonElement exceptions) && exceptions.ValueKind == JsonValueKind.Object
                    && exceptions.EnumerateObject().Any())
                    throw new InvalidDataException($"{path}: {pattern} is not supported: all modules have one rank and one alpha.");
            }

            if (root.TryGetProperty("bias", out JsonElement bias) && bias.GetString() != "none")
                throw new InvalidDataException($"{path}: bias is '{bias.GetString()}'; supported is none.");
            var options = new LoraOptions
            {
                Rank = root.GetProperty("r").GetInt32(),
                Alpha = root.GetProperty("lora_alpha").GetDouble(),
                Dropout = root.TryGetProperty("lora_dropout", out JsonElement dropout) ? dropout.GetDouble() : 0,
                TargetModules = [.. root.GetProperty("target_modules").EnumerateArray().Select(m => m.GetString()!)],
            };
            options.Validate();
            return options;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException)
        {
            throw new InvalidDataException($"{path}: not a PEFT adapter configuration that Tuna supports: {e.Message}", e);
        }
    }

    private static byte[] Config(LoraOptions lora, string? baseModel, LlamaBackbone model)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("base_model_name_or_path", baseModel ?? "");
            json.WriteString("bias", "none");
            json.WriteBoolean("fan_in_fan_out", false);
            json.WriteBoolean("inference_mode", true);
            json.WriteNumber("lora_alpha", lora.Alpha);
            json.WriteNumber("lora_dropout", lora.Dropout);
            if (model.Config.ScalarHead)
            {
                json.WriteStartArray("modules_to_save");
                json.WriteStringValue("score");
                json.WriteEndArray();
            }
            else
                json.WriteNull("modules_to_save");
            json.WriteString("peft_type", "LORA");
            json.WriteNumber("r", lora.Rank);
            json.WriteStartArray("target_modules");
            foreach (string module in lora.TargetModules)
                json.WriteStringValue(module);
            json.WriteEndArray();
            json.WriteString("task_type", model.Config.ScalarHead ? "SEQ_CLS" : "CAUSAL_LM");
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
