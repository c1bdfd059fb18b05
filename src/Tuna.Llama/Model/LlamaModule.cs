using Tuna.Llama.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>A module whose parameters and parts are registered by name, as the checkpoint spells them.</summary>
/// <remarks>TorchSharp would register fields by reflection, under the fields' names, and plain tensor fields as buffers.</remarks>
internal abstract class LlamaModule(string name) : nn.Module(name)
{
    protected override void RegisterComponents()
    {
    }

    /// <summary>Registers a part of a weight.</summary>
    protected Parameter Add(string name, Weight weight, int part = 0)
    {
        Parameter parameter = weight.Parts[part].Parameter;
        register_parameter(name, parameter);
        return parameter;
    }

    protected T Add<T>(string name, T module)
        where T : nn.Module
    {
        register_module(name, module);
        return module;
    }
}
