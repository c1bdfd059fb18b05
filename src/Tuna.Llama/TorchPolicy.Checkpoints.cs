using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;

namespace Tuna.Llama;

public abstract partial class TorchPolicy
{
    private TensorDType SavedType => _options.SavedType ?? Config.DType;

    /// <inheritdoc/>
    /// <remarks>With adapters: the merged model, or the adapter alone where <see cref="LoraOptions.SaveMerged"/> is false.</remarks>
    protected override void SaveModelCore(CheckpointFiles files)
    {
        RequireWhole();
        if (_options.Lora is { SaveMerged: false })
        {
            LoraAdapterFile.Save(files, _model, _training, baseModel: null);
            Config.Save(files);
            return;
        }

        ModelFiles.Save(files, _model, _training, SavedType);
    }

    /// <summary>Writes the adapters (a reward model's: and its head) in PEFT's layout (adapter_config.json, adapter_model.safetensors; F32)
    /// into an existing folder.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="baseModel">Name or path of the model that the adapters belong to, for PEFT; may be null.</param>
    /// <exception cref="InvalidOperationException">The policy has no adapters.</exception>
    public void SaveAdapter(string folder, string? baseModel = null)
    {
        using Turn turn = TakeTurn(passMayBeOpen: true);
        RequireWhole();
        using CheckpointFiles files = CheckpointFiles.InFolder(folder);
        LoraAdapterFile.Save(files, _model, _training, baseModel);
    }

    /// <summary>Reads adapters that PEFT or <see cref="SaveAdapter"/> wrote, of the rank, alpha and modules that the policy was opened
    /// with.</summary>
    /// <exception cref="InvalidDataException">A file is missing or damaged, or the adapters are others.</exception>
    public void LoadAdapter(string folder)
    {
        using Turn turn = TakeTurn();
        LoraAdapterFile.Load(folder, _model, _training);
    }

    /// <summary>The settings of an adapter folder, to open a policy with.</summary>
    /// <exception cref="InvalidDataException">The folder holds no LoRA adapter that Tuna supports.</exception>
    public static LoraOptions ReadAdapterOptions(string folder) => LoraAdapterFile.ReadOptions(folder);

    /// <inheritdoc/>
    protected override void SaveTrainingStateCore(CheckpointFiles files)
    {
        // The model's files hold the weights exactly only when they are F32 and no adapter was merged into them.
        TrainingParameters training = Training;
        RequireWhole();
        KeepWaiting();
        bool weights = SavedType != TensorDType.F32 || _options.Lora is not null;
        TrainingStateFile.Save(files, training, _copies, weights, _passes);
    }

    /// <inheritdoc/>
    /// <remarks>With adapters, the frozen weights are those that the policy was opened with.</remarks>
    protected override void LoadTrainingStateCore(string folder)
    {
        TrainingParameters training = Training;
        DropWaiting();
        _norm = null;
        _passes = TrainingStateFile.Load(folder, _model, training, _copies);
        _halfMoved = false;
    }
}
